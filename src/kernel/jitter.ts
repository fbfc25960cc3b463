import { FrameDraw } from './frame-draw.ts'
import type { JitterShape } from './link.ts'
import type { Random } from './random.ts'

/** How many uniform numbers are added up for one that is nearly normal (their sum has the variance 1). */
const SUMMANDS = 12

/** No draw of the Pareto shape is more than this, as a multiple of the jitter. */
const LONGEST_TAIL = 100

/** Draws the extra delay of each frame, as a multiple of the jitter; all shapes have the mean 1/2. */
export class Jitter {
  private readonly uniform: FrameDraw
  private readonly shaped: FrameDraw
  private readonly again: FrameDraw
  private last = -1

  constructor(random: (purpose: string) => Random) {
    this.uniform = new FrameDraw(random('jitter'))
    this.shaped = new FrameDraw(random('jitter-shape'), SUMMANDS)
    this.again = new FrameDraw(random('jitter-again'))
  }

  /**
   * @param number of the frame
   * @param correlation probability that it has the same as the frame before; repeating, rather than mixing, keeps the shape what it is
   */
  draw(number: number, shape: JitterShape, correlation: number): number {
    const repeated = correlation > 0 && this.again.of(number) < correlation && this.last >= 0
    if (!repeated) this.last = this.fresh(number, shape)
    return this.last
  }

  reset(): void {
    this.last = -1
  }

  private fresh(number: number, shape: JitterShape): number {
    switch (shape) {
      case 'uniform':
        return this.uniform.of(number)
      case 'normal': {
        let sum = this.shaped.of(number)
        for (let i = 1; i < SUMMANDS; i++) sum += this.shaped.next()
        // The sum has the mean 6 and the standard deviation 1.
        return Math.min(1, Math.max(0, (sum - SUMMANDS / 2) / 6 + 0.5))
      }
      case 'pareto': {
        // P(X > x) = (1 + x)^-3; its inverse is a cube root, and the cube root of a uniform number the greatest of three.
        const root = Math.max(this.shaped.of(number), this.shaped.next(), this.shaped.next())
        return root * (LONGEST_TAIL + 1) < 1 ? LONGEST_TAIL : 1 / root - 1
      }
    }
  }
}
