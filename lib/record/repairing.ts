import { awaiting } from '../errors/native-call.ts';
import { repairRecording as repairNatively } from '../native/binding.ts';
import { pathOf, type RecordingFile } from './file.ts';

/** What a repair found and did. */
export interface RepairedRecording {
  /** Whether the recording was finished already. It was left as it is then. */
  readonly wasFinished: boolean;
  /** How many cycles it has. */
  readonly cycles: number;
  /** How many bytes of half a record at its end were left out. */
  readonly leftOutBytes: number;
}

/**
 * Gives a recording whose writing was cut off its index and footer, so that readers which need an index open it. The new
 * file is written beside the old one and then takes its name: one of the two has it at any time.
 *
 * @throws {OptionTypeError | OptionRangeError} `OPTION_FILE`
 * @throws {KilohertzError} `RECORD_BUSY` if the file is still being written, `RECORD_DAMAGED` if a part of it is not
 *   what was written, `RECORD_IO`, `RECORD_EMPTY`, `RECORD_FOREIGN`, `RECORD_NEWER`; the file is left as it is then
 */
export async function repairRecording(file: RecordingFile): Promise<RepairedRecording> {
  const path = pathOf('file', file);
  return awaiting(() => repairNatively(path));
}
