import { styleText } from 'node:util';

/** Colours for a stream: only on a terminal, and not where `NO_COLOR` is set (no-color.org). */
export class Paint {
  readonly #isOn: boolean;

  constructor(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv = process.env) {
    this.#isOn = stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  }

  good(text: string): string {
    return this.#as('green', text);
  }

  doubtful(text: string): string {
    return this.#as('yellow', text);
  }

  bad(text: string): string {
    return this.#as('red', text);
  }

  strong(text: string): string {
    return this.#as('bold', text);
  }

  faint(text: string): string {
    return this.#as('dim', text);
  }

  #as(style: 'green' | 'yellow' | 'red' | 'bold' | 'dim', text: string): string {
    // Whether the stream is a terminal was looked at above.
    return this.#isOn ? styleText(style, text, { validateStream: false }) : text;
  }
}
