/** What a key can ask for. */
export type Command =
  | 'toggle'
  | 'step-back'
  | 'step-forward'
  | 'jump-back'
  | 'jump-forward'
  | 'start'
  | 'end'
  | 'slower'
  | 'faster'
  | 'drop'
  | 'corrupt'
  | 'inspect'
  | 'fullscreen'
  | 'help'

export interface Shortcut {
  readonly command: Command
  /** As `KeyboardEvent.key` has it, after `Shift+` where that is held. */
  readonly keys: readonly string[]
  /** As people read it. */
  readonly shown: string
  readonly says: string
}

export const SHORTCUTS: readonly Shortcut[] = [
  { command: 'toggle', keys: [' ', 'k'], shown: 'Space', says: 'Play or pause' },
  { command: 'step-forward', keys: ['ArrowRight', '.'], shown: '→ or .', says: 'Next event' },
  { command: 'step-back', keys: ['ArrowLeft', ','], shown: '← or ,', says: 'Previous event' },
  { command: 'jump-forward', keys: ['Shift+ArrowRight'], shown: 'Shift →', says: 'As far ahead as one second of watching' },
  { command: 'jump-back', keys: ['Shift+ArrowLeft'], shown: 'Shift ←', says: 'As far back' },
  { command: 'start', keys: ['Home'], shown: 'Home', says: 'To the start' },
  { command: 'end', keys: ['End'], shown: 'End', says: 'As far as it has been simulated' },
  { command: 'slower', keys: ['-'], shown: '−', says: 'Slower' },
  { command: 'faster', keys: ['+', '=', 'Shift++'], shown: '+', says: 'Faster' },
  { command: 'drop', keys: ['d'], shown: 'D', says: 'Clicking a packet drops it' },
  { command: 'corrupt', keys: ['c'], shown: 'C', says: 'Clicking a packet corrupts it' },
  { command: 'inspect', keys: ['i'], shown: 'I', says: 'Clicking a packet opens it' },
  { command: 'fullscreen', keys: ['f'], shown: 'F', says: 'Full screen, for a projector' },
  { command: 'help', keys: ['Shift+?', '?'], shown: '?', says: 'This list' },
]

/** Keys that a native control needs for itself, by what it is. */
function ownKeys(target: Element): RegExp | undefined {
  if (target.matches('textarea, [contenteditable], input:not([type=range], [type=radio], [type=checkbox], [type=file])'))
    return /./
  if (target.matches('select, input[type=radio]')) return /^( |Home|End|Arrow\w+|[a-z])$/
  if (target.matches('input[type=range]')) return /^(Home|End|Arrow\w+|Page\w+)$/
  if (target.matches('button, a, summary, input[type=checkbox], [role=tab]')) return /^ $/
  return undefined
}

/** What a key pressed somewhere in a playground asks for; undefined when it is not ours to take. */
export function commandOf(event: KeyboardEvent): Command | undefined {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return undefined
  const [target] = event.composedPath()
  if (target instanceof Element && ownKeys(target)?.test(event.key) === true) return undefined
  const plain = event.key.length === 1 ? event.key.toLowerCase() : event.key
  const key = event.shiftKey ? `Shift+${plain}` : plain
  return SHORTCUTS.find(({ keys }) => keys.includes(key))?.command
}
