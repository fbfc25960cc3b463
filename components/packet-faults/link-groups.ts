import type { LinkSettings } from '../../src/trace/record.ts'
import { formatLinkSetting, linkSettingName, type LinkGroup } from '../link-settings.ts'
import type { LinkStanding } from '../network-state.ts'

/** The groups of controls of a link, in the order in which they are shown. */
export const LINK_GROUPS: readonly { readonly group: LinkGroup; readonly label: string }[] = [
  { group: 'delay', label: 'Delay' },
  { group: 'queue', label: 'Rate and queue' },
  { group: 'loss', label: 'Loss' },
  { group: 'spoil', label: 'Corruption and order' },
  { group: 'cut', label: 'Cut' },
]

/** What of a group is worth saying in one line. */
const SAID: Readonly<Record<LinkGroup, readonly (keyof LinkSettings)[]>> = {
  delay: ['delay', 'jitter'],
  queue: ['rate', 'discipline'],
  loss: ['loss', 'burstEnter', 'lossList', 'blackHoleMtu'],
  spoil: ['corrupt', 'duplicate', 'reorder', 'reorderEvery'],
  cut: ['flapEvery', 'flaps'],
}
/** Said also when it is nothing out of the ordinary. */
const ALWAYS: ReadonlySet<keyof LinkSettings> = new Set(['delay', 'rate', 'discipline'] as const)

/** How a group of settings stands, in a few words: `'20 ms'`, `'10 Mbit/s, CoDel'`, `'none'`. */
export function groupWords(group: LinkGroup, { settings, flapped }: LinkStanding, directions: readonly (0 | 1)[]): string {
  const told = directions.map((direction) => wordsOf(group, settings[direction], flapped[direction]))
  return told.every((words) => words === told[0]) ? told[0] : 'differs by direction'
}

function wordsOf(group: LinkGroup, settings: LinkSettings, flapped: boolean): string {
  if (group === 'cut' && !settings.up) return flapped ? 'down by schedule' : 'cut'
  const told = SAID[group].filter((key) => ALWAYS.has(key) || isSomething(settings[key]))
  if (told.length === 0) return group === 'cut' ? 'whole' : 'none'
  if (group === 'cut') return 'whole, but flaps'
  const words = told.map((key) => {
    const value = formatLinkSetting(key, settings[key])
    return ALWAYS.has(key) || key === 'loss' ? value : `${linkSettingName(key)} ${value}`
  })
  const hidden = words.length - 2
  return hidden > 0 ? `${words.slice(0, 2).join(', ')} and ${String(hidden)} more` : words.join(', ')
}

function isSomething(value: LinkSettings[keyof LinkSettings]): boolean {
  return typeof value === 'object' ? value.length > 0 : value !== 0
}
