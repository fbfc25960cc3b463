import type { MachineSettings } from '../src/scenario/machine-settings.ts'
import { formatQuantity } from './format.ts'

const MS = 1_000_000

/** How one of a machine's settings is called, shown and turned. */
export interface MachineControl {
  readonly key: keyof MachineSettings
  readonly label: string
  readonly unit: 'time' | 'bytes' | 'count'
  /** In base units; 0 has a place of its own at the low end of a logarithmic scale. */
  readonly min: number
  readonly max: number
  readonly scale: 'linear' | 'log'
  readonly step: number
  /** What 0 means. */
  readonly zero: string
}

const COST = { unit: 'time', scale: 'log', step: 0, zero: 'none' } as const
const CLOCK = { unit: 'time', scale: 'log', step: 0, zero: 'not at all' } as const

/** Everything about a machine that can be turned by hand, in the order in which it is shown. */
export const MACHINE_GROUPS: readonly { readonly label: string; readonly controls: readonly MachineControl[] }[] = [
  {
    label: 'Processor',
    controls: [
      { key: 'perPacket', label: 'Time for each packet', ...COST, min: 0.001 * MS, max: 100 * MS },
      { key: 'perHandshake', label: 'Time for each handshake', ...COST, min: 0.01 * MS, max: 1000 * MS },
      { key: 'perRequest', label: 'Time for each request', ...COST, min: 0.01 * MS, max: 10_000 * MS },
      { key: 'perConnection', label: 'Time for each connection', ...COST, min: 0.001 * MS, max: 1000 * MS },
      { key: 'perMessage', label: 'Time for each message', ...COST, min: 0.001 * MS, max: 1000 * MS },
    ],
  },
  {
    label: 'Clock',
    controls: [
      { key: 'clockAhead', label: 'Ahead of the true time', ...CLOCK, min: MS, max: 86_400_000 * MS },
      { key: 'clockBehind', label: 'Behind the true time', ...CLOCK, min: MS, max: 86_400_000 * MS },
      {
        key: 'clockDrift',
        label: 'Too fast',
        unit: 'count',
        scale: 'linear',
        step: 1000,
        min: -500_000,
        max: 1_000_000,
        zero: 'not at all',
      },
    ],
  },
  {
    label: 'Memory',
    controls: [
      { key: 'memory', label: 'For connections', unit: 'bytes', scale: 'log', step: 0, min: 4096, max: 1e9, zero: 'enough' },
      {
        key: 'connectionMemory',
        label: 'Application, for each connection',
        unit: 'bytes',
        scale: 'log',
        step: 0,
        min: 256,
        max: 1e8,
        zero: 'none',
      },
      {
        key: 'restartAfter',
        label: 'When exhausted, crash and restart after',
        unit: 'time',
        scale: 'log',
        step: 0,
        min: MS,
        max: 3_600_000 * MS,
        zero: 'no crash',
      },
    ],
  },
  {
    label: 'Files',
    controls: [
      {
        key: 'descriptors',
        label: 'Open at once, sockets among them',
        unit: 'count',
        scale: 'log',
        step: 0,
        min: 4,
        max: 1_000_000,
        zero: 'without limit',
      },
    ],
  },
]

const CONTROLS = new Map(MACHINE_GROUPS.flatMap(({ controls }) => controls.map((control) => [control.key, control])))

/** A value of one of a machine's settings, for people: `'3 ms'`, `'10 %'`, `'none'`. */
export function formatMachineSetting(key: keyof MachineSettings, value: number): string {
  const control = CONTROLS.get(key)
  if (value === 0) return control?.zero ?? '0'
  // Parts per million mean nothing to most people.
  return key === 'clockDrift' ? `by ${formatQuantity('fraction', value / 1e6)}` : formatQuantity(control?.unit ?? 'count', value)
}

/** `'processor time for each packet'` */
export function machineSettingName(key: keyof MachineSettings): string {
  const group = MACHINE_GROUPS.find(({ controls }) => controls.some((control) => control.key === key))
  return `${group?.label.toLowerCase() ?? ''}, ${CONTROLS.get(key)?.label.toLowerCase() ?? key}`
}
