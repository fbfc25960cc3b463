import { FrameDraw } from './frame-draw.ts'
import type { Random } from './random.ts'

/*
 * Required reading: Gilbert, "Capacity of a burst-noise channel", Bell System Technical Journal, 1960; Elliott, "Estimates of error
 * rates for codes on burst-noise channels", 1963; Hasslinger and Hohlfeld, "The Gilbert-Elliott model for packet loss in real time
 * services on the Internet", 2008, whose p, r, h and k these are.
 *
 * A chain with two states, the gap and the burst. Before each frame it may change state, then the state's own share of loss decides.
 * In the long run the share p/(p+r) of frames meets with the burst, whose mean length is 1/r frames.
 */
export class GilbertElliott {
  private inBurst: boolean | undefined
  private readonly change: FrameDraw
  private readonly loss: FrameDraw

  constructor(change: Random, loss: Random) {
    this.change = new FrameDraw(change)
    this.loss = new FrameDraw(loss)
  }

  /**
   * One frame on.
   * @param number of the frame
   * @param enter p
   * @param leave r
   * @param burstLoss 1 - h
   * @param gapLoss 1 - k
   * @returns whether it is lost
   */
  strikes(number: number, enter: number, leave: number, burstLoss: number, gapLoss: number): boolean {
    const chance = this.change.of(number)
    if (this.inBurst === undefined) this.inBurst = enter > 0 && chance < enter / (enter + leave)
    else this.inBurst = this.inBurst ? chance >= leave : chance < enter
    const share = this.inBurst ? burstLoss : gapLoss
    return share >= 1 || (share > 0 && this.loss.of(number) < share)
  }

  /** Switched off: what comes when it is switched on again knows nothing of before. */
  reset(): void {
    this.inBurst = undefined
  }
}
