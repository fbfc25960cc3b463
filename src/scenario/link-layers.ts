import { isFlappedDown } from './flaps.ts'
import type { LinkSettings } from '../kernel/link.ts'
import type { Nanos } from '../kernel/time.ts'

/** Settings to put in force by hand; null clears one, and what was before is back. */
export type LinkChange = { readonly [Key in keyof LinkSettings]?: LinkSettings[Key] | null }

/**
 * The settings of one direction of a link, in two layers: what the scenario and its knobs say, and on top of it what was set by hand.
 * So a fault can be cleared without anybody having to know what was there before, whatever knobs have done since.
 */
export class LinkLayers {
  /** What the scenario and its knobs say. */
  readonly base: LinkSettings
  private overrides: Partial<LinkSettings> = {}

  constructor(settings: LinkSettings) {
    this.base = { ...settings }
  }

  /** A knob was turned. */
  rebase(settings: Partial<LinkSettings>): void {
    Object.assign(this.base, settings)
  }

  /** Something was set by hand, or cleared. */
  override(change: LinkChange): void {
    const together = Object.entries({ ...this.overrides, ...change })
    this.overrides = Object.fromEntries(together.filter(([, value]) => value !== null))
  }

  /** The cable is cut by hand, or plugged in again. */
  plug(up: boolean): void {
    this.override({ up: up === this.base.up ? null : up })
  }

  /** What is in force, but for flaps. */
  get settings(): LinkSettings {
    return { ...this.base, ...this.overrides }
  }

  /** What is in force at a time. */
  at(time: Nanos): LinkSettings {
    const { settings } = this
    return settings.up && isFlappedDown(settings, time) ? { ...settings, up: false } : settings
  }
}
