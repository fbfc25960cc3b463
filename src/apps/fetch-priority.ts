/**
 * How urgent a fetch is, by what it is and where it was found: Chrome's table (web.dev, "Optimize resource loading with the Fetch
 * Priority API"; its Blink source, ResourceFetcher::ComputeLoadPriority).
 */
import type { FetchKind, FetchPriority } from './fetch-events.ts'

/** Where and how something was found. */
export interface FoundAs {
  /** A script that does not hold up the parser. */
  readonly isDeferred?: boolean
  /** A script behind the first picture, or in the body: "late". */
  readonly isLate?: boolean
  /** A stylesheet for another medium: `media="print"`. */
  readonly isForOtherMedia?: boolean
  /** By `<link rel=preload>`. */
  readonly isPreload?: boolean
  /** One of the first five pictures that are no icons. */
  readonly isEarlyImage?: boolean
  /** A picture that the first screen shows. */
  readonly isVisible?: boolean
  /** What the author says: the attribute `fetchpriority`. */
  readonly hint?: 'high' | 'low'
}

/** Pictures that Chrome takes for important before it knows where they are, unless they are small. */
export const EARLY_IMAGES = 5

const RANK: Readonly<Record<FetchPriority, number>> = { highest: 0, high: 1, medium: 2, low: 3, lowest: 4 }

/** 0 for the most urgent, 4 for the least. It is the urgency of RFC 9218, too, as Chrome maps it. */
export function rankOf(priority: FetchPriority): number {
  return RANK[priority]
}

export function priorityOf(kind: FetchKind, found: FoundAs = {}): FetchPriority {
  switch (kind) {
    case 'document':
      return 'highest'
    case 'stylesheet':
      if (found.isForOtherMedia === true) return 'lowest'
      return found.hint === 'low' ? 'high' : 'highest'
    case 'font':
      return found.isPreload === true ? 'high' : 'highest'
    case 'script':
      if (found.hint !== undefined) return found.hint
      if (found.isDeferred === true) return 'low'
      return found.isLate === true ? 'medium' : 'high'
    case 'image':
      if (found.hint !== undefined) return found.hint
      if (found.isVisible === true) return 'high'
      return found.isEarlyImage === true ? 'medium' : 'low'
    case 'data':
      return found.hint === 'low' ? 'low' : 'high'
    case 'other':
      return 'lowest'
  }
}

/**
 * Whether a response is of use in parts, so that it may share a connection with others of its urgency (RFC 9218 section 4.2). As in Chrome:
 * documents, pictures and data are; stylesheets, scripts and fonts only when they are whole.
 */
export function isIncremental(kind: FetchKind): boolean {
  return kind !== 'stylesheet' && kind !== 'script' && kind !== 'font'
}
