import { DEFAULT_MACHINE, type MachineSettings } from './machine-settings.ts'

/** Settings of a machine to put in force by hand; null clears one, and what was before is back. */
export type MachineChange = { readonly [Key in keyof MachineSettings]?: MachineSettings[Key] | null }

/** The machine under a host, in two layers, as `LinkLayers` has a link's settings. */
export class MachineLayers {
  /** What the scenario and its knobs say. */
  readonly base: MachineSettings
  private overrides: Partial<MachineSettings> = {}

  constructor(settings: MachineSettings = DEFAULT_MACHINE) {
    this.base = { ...settings }
  }

  /** A knob was turned. */
  rebase(settings: Partial<MachineSettings>): void {
    Object.assign(this.base, settings)
  }

  /** Something was set by hand, or cleared. */
  override(change: MachineChange): void {
    const together = Object.entries({ ...this.overrides, ...change })
    this.overrides = Object.fromEntries(together.filter(([, value]) => value !== null))
  }

  /** Something holds from now on whatever was set by hand. */
  settle<Key extends keyof MachineSettings>(key: Key, value: MachineSettings[Key]): void {
    this.rebase({ [key]: value })
    this.override({ [key]: null })
  }

  /** What is in force. */
  get settings(): MachineSettings {
    return { ...this.base, ...this.overrides }
  }
}
