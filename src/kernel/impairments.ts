import { FrameDraw } from './frame-draw.ts'
import type { FrameInspector } from './frame-inspector.ts'
import { GilbertElliott } from './gilbert-elliott.ts'
import { Jitter } from './jitter.ts'
import type { Fate, LinkSettings } from './link.ts'
import type { Random } from './random.ts'
import type { Nanos } from './time.ts'

/** Bytes of a frame before what an MTU counts. */
const ETHERNET_HEADER = 14

/** Byte offset and XOR mask of a corruption, as one number. The mask is never 0, so one byte always differs. */
export function corruptionOf(offset: number, mask: number): number {
  return 1 + offset * 256 + mask
}

/** A copy of a frame as a corruption leaves it. */
export function corrupted(frame: Uint8Array, corruption: number): Uint8Array {
  const copy = frame.slice()
  const offset = Math.floor((corruption - 1) / 256)
  copy[offset] = copy[offset] ^ ((corruption - 1) % 256)
  return copy
}

/** Whether anything but rate and delay befalls frames on a line with these settings. */
export function isImpaired(settings: Readonly<LinkSettings>): boolean {
  return (
    settings.loss > 0 ||
    settings.jitter > 0 ||
    settings.corrupt > 0 ||
    settings.duplicate > 0 ||
    settings.reorder > 0 ||
    settings.reorderEvery > 0 ||
    settings.burstEnter > 0 ||
    settings.gapLoss > 0 ||
    settings.lossList.length > 0 ||
    settings.dropList.length > 0 ||
    settings.corruptList.length > 0 ||
    settings.blackHoleMtu > 0
  )
}

/**
 * All that befalls frames on the way, one direction of a link. Every impairment draws from streams of its own, and which numbers a
 * frame meets with depends on how many left before it alone: switching one impairment on, off, or to another value changes nothing of
 * what the others do, and nothing of what it does itself later on.
 */
export class Impairments {
  // What befalls the frame that `befall` was asked about.
  arrives: Nanos = 0
  /** Why it does not arrive. */
  loss: Fate | undefined
  /** As in `Log.Corruption`. */
  corruption = 0
  copied = false

  /** When the last frame arrives that was sent with these settings and not held back: jitter lets none overtake it. */
  private lastArrival: Nanos = 0
  /** How many frames left that `lossOf` speaks of, since it does. */
  private matching = 0
  private readonly jitter: Jitter
  private readonly reorder: FrameDraw
  private readonly reorderAgain: FrameDraw
  private wasHeldBack = false
  private readonly lossDraw: FrameDraw
  private readonly lossBursts: GilbertElliott
  private readonly bursts: GilbertElliott
  private readonly corrupt: FrameDraw
  private readonly corruptWhere: FrameDraw
  private readonly duplicate: FrameDraw

  constructor(
    private readonly settings: Readonly<LinkSettings>,
    private readonly inspector: FrameInspector,
    random: (purpose: string) => Random,
  ) {
    this.jitter = new Jitter(random)
    this.reorder = new FrameDraw(random('reorder'))
    this.reorderAgain = new FrameDraw(random('reorder-again'))
    this.lossDraw = new FrameDraw(random('loss'))
    this.lossBursts = new GilbertElliott(random('loss-burst'), random('loss-burst-share'))
    this.bursts = new GilbertElliott(random('burst'), random('burst-share'))
    this.corrupt = new FrameDraw(random('corrupt'))
    this.corruptWhere = new FrameDraw(random('corrupt-where'), 2)
    this.duplicate = new FrameDraw(random('duplicate'))
  }

  /** Some settings are others than before: state that belonged to what was switched off is forgotten. */
  changed(before: Readonly<LinkSettings>): void {
    const { settings } = this
    const { delay, jitter, lossOf } = settings
    // The delay that was set before is gone at once: what leaves under a shorter one overtakes.
    if (before.delay !== delay || before.jitter !== jitter) this.lastArrival = 0
    if (jitter === 0) this.jitter.reset()
    if (settings.reorder === 0) this.wasHeldBack = false
    if (settings.loss === 0 || settings.lossBurst === 0) this.lossBursts.reset()
    if (settings.burstEnter === 0 && settings.gapLoss === 0) this.bursts.reset()
    if (before.lossOf !== lossOf) this.matching = 0
  }

  /** The cable was cut: nothing is on the way that could be overtaken. */
  cut(): void {
    this.lastArrival = 0
  }

  /**
   * Decides what befalls a frame.
   * @param number how many have left on this direction, this one included
   * @param sent when it leaves
   * @param out when its last bit is on the line
   */
  befall(frame: Uint8Array, number: number, out: Nanos): void {
    const { settings } = this
    this.arrives = this.arrivalOf(number, out)
    this.loss = this.lossOf(frame, number)
    this.corruption = 0
    const isSpoilt = settings.corrupt > 0 && this.corrupt.of(number) < settings.corrupt
    if (isSpoilt || (settings.corruptList.length > 0 && settings.corruptList.includes(number))) {
      const offset = Math.floor(this.corruptWhere.of(number) * frame.length)
      this.corruption = corruptionOf(offset, 1 + Math.floor(this.corruptWhere.next() * 255))
    }
    this.copied = settings.duplicate > 0 && this.duplicate.of(number) < settings.duplicate && this.loss !== 'too-big'
  }

  private arrivalOf(number: number, out: Nanos): Nanos {
    const { settings } = this
    let arrives = out + settings.delay
    if (settings.jitter > 0) {
      const { jitter, jitterShape } = settings
      const share = this.jitter.draw(number, jitterShape, settings.jitterCorrelation)
      arrives += Math.floor(share * (jitterShape === 'uniform' ? jitter + 1 : jitter))
      if (arrives < this.lastArrival) arrives = this.lastArrival
    }
    if (this.isHeldBack(number)) return arrives + settings.reorderBy
    this.lastArrival = arrives
    return arrives
  }

  private isHeldBack(number: number): boolean {
    const { reorder, reorderCorrelation, reorderEvery } = this.settings
    let held = false
    if (reorder > 0) {
      const again = reorderCorrelation > 0 && this.reorderAgain.of(number) < reorderCorrelation
      if (!again) this.wasHeldBack = this.reorder.of(number) < reorder
      held = this.wasHeldBack
    }
    return held || (reorderEvery > 0 && number % reorderEvery === 0)
  }

  private lossOf(frame: Uint8Array, number: number): Fate | undefined {
    const { settings } = this
    const { blackHoleMtu } = settings
    const isTarget = settings.lossOf === 'all' || this.isTarget(frame)
    let loss: Fate | undefined
    if (isTarget) {
      if (settings.lossOf !== 'all') this.matching++
      if (this.isLostAtRandom(number)) loss = settings.lossBurst > 0 ? 'burst-loss' : 'random-loss'
      const { burstEnter, burstLeave, burstLoss, gapLoss, lossList } = settings
      const bursts = burstEnter > 0 || gapLoss > 0
      if (bursts && this.bursts.strikes(number, burstEnter, burstLeave, burstLoss, gapLoss)) loss = 'burst-loss'
      if (lossList.length > 0 && lossList.includes(settings.lossOf === 'all' ? number : this.matching)) loss = 'listed-loss'
    }
    if (blackHoleMtu > 0 && frame.length - ETHERNET_HEADER > blackHoleMtu) loss = 'too-big'
    if (settings.dropList.length > 0 && settings.dropList.includes(number)) loss = 'dropped-by-hand'
    return loss
  }

  private isTarget(frame: Uint8Array): boolean {
    const { inspector, settings } = this
    switch (settings.lossOf) {
      case 'all':
        return true
      case 'data':
        return inspector.carriesData(frame)
      case 'acks':
        return inspector.isPureAck(frame)
      case 'udp':
        return inspector.isUdp(frame)
    }
  }

  private isLostAtRandom(number: number): boolean {
    const { loss, lossBurst } = this.settings
    if (loss === 0) return false
    if (lossBurst === 0) return this.lossDraw.of(number) < loss
    // The share of frames within bursts, p / (p + r), is to be `loss`, and their mean length, 1 / r, `lossBurst`. Where so much loss
    // does not leave room for a single frame between bursts, they are longer.
    const leave = Math.min(1 / lossBurst, (1 - loss) / loss)
    const enter = loss === 1 ? 1 : Math.min(1, (leave * loss) / (1 - loss))
    return this.lossBursts.strikes(number, enter, leave, 1, 0)
  }
}
