// A canvas that is as large as its place, in the pixels of the screen.

import { element } from '../dom.ts';
import { onThemeChange } from '../theme.ts';

export class Sheet {
  readonly canvas = element('canvas');
  readonly #draw: (context: CanvasRenderingContext2D, width: number, height: number) => void;

  constructor(
    label: string,
    draw: (context: CanvasRenderingContext2D, width: number, height: number) => void,
  ) {
    this.#draw = draw;
    this.canvas.setAttribute('role', 'img');
    this.canvas.setAttribute('aria-label', label);
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    onThemeChange(() => this.draw());
  }

  draw(): void {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const context = this.canvas.getContext('2d');
    if (width === 0 || height === 0 || context === null) return;
    const ratio = devicePixelRatio;
    const [wide, high] = [Math.round(ratio * width), Math.round(ratio * height)];
    if (this.canvas.width !== wide || this.canvas.height !== high) {
      this.canvas.width = wide;
      this.canvas.height = high;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    this.#draw(context, width, height);
  }
}
