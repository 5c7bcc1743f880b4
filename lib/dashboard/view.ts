import { OptionTypeError } from '../errors/errors.ts';
import { pathOf, type RecordingFile } from '../record/file.ts';
import { Dashboard, type DashboardOptions } from './dashboard.ts';

/**
 * Opens a page in a browser that plays a recording, or two, the second drawn over the first. The whole recordings are
 * read before, at most 60 frames a second of each are kept. The page is served until its `close()` or the end of the
 * process, also if nobody keeps what this resolves to; it does not keep the process alive.
 *
 * @param files one recording or two
 * @throws {KilohertzError} `RECORD_IO`, `RECORD_EMPTY`, `RECORD_FOREIGN`, `RECORD_NEWER` for a recording that
 *   cannot be played; `LISTEN_IN_USE` or `LISTEN_REFUSED` if the port cannot be opened
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid
 */
export async function view(
  files: RecordingFile | readonly RecordingFile[],
  options: DashboardOptions = {},
): Promise<Dashboard> {
  const all = Array.isArray(files) ? files : [files];
  if (all.length < 1 || all.length > 2) {
    throw new OptionTypeError('OPTION_FILES', 'files', files, 'one recording or two');
  }
  return Dashboard.play(
    all.map((file, nth) => pathOf(`files[${nth}]`, file)),
    options,
  );
}
