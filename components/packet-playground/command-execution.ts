import type { Run } from '../../src/run/run.ts'
import type { PacketFaults } from '../packet-faults/packet-faults.ts'
import type { PacketTransport } from '../packet-transport/packet-transport.ts'
import type { Command } from './shortcuts.ts'

/** What commands act on, besides the run. */
export interface CommandParts {
  readonly transport: PacketTransport | null
  readonly faults: PacketFaults | null
  readonly toggleFullscreen: () => void
  readonly showHelp: () => void
}

/** Does what a key has asked for. */
export function obey(command: Command, run: Run, { transport, faults, toggleFullscreen, showHelp }: CommandParts): void {
  /** A second of watching, in simulated time. */
  const second = run.speed * 1e9
  switch (command) {
    case 'toggle':
      transport?.toggle()
      break
    case 'step-forward':
    case 'step-back':
      void run.step(command === 'step-forward' ? 1 : -1)
      break
    case 'jump-forward':
    case 'jump-back':
      void run.seek(Math.max(0, Math.round(run.playhead + (command === 'jump-forward' ? second : -second))))
      break
    case 'start':
    case 'end':
      void run.seek(command === 'start' ? 0 : run.horizon)
      break
    case 'slower':
    case 'faster':
      transport?.changeSpeed(command === 'faster' ? 1 : -1)
      break
    case 'drop':
    case 'corrupt':
    case 'inspect':
      if (faults !== null) faults.mode = command
      break
    case 'fullscreen':
      toggleFullscreen()
      break
    case 'help':
      showHelp()
      break
  }
}
