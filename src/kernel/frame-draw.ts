import type { Random } from './random.ts'

/**
 * Chance that belongs to frames: the n-th frame of a direction has numbers of its own, drawn from a stream for one purpose. So what
 * strikes a frame depends on its number alone, not on how long the impairment has been switched on, nor on any other.
 */
export class FrameDraw {
  private drawn = 0
  private end = 0

  /** @param width how many numbers each frame has */
  constructor(
    private readonly random: Random,
    private readonly width = 1,
  ) {}

  /** The first number of the n-th frame, uniform in [0, 1). Numbers of frames may only grow. */
  of(frame: number): number {
    const start = (frame - 1) * this.width
    for (; this.drawn < start; this.drawn++) this.random.next()
    this.end = start + this.width
    return this.next()
  }

  /** Its next number. */
  next(): number {
    if (this.drawn >= this.end) throw new RangeError('a frame has no more numbers than its draw is wide')
    this.drawn++
    return this.random.next()
  }
}
