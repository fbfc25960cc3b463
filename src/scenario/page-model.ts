/**
 * Pages of realistic shape: how many resources of which kind and size, and who names whom.
 *
 * What the totals go by: the median desktop page of October 2024 has 71 requests and 2,652 kB, of which 1,054 kB are in 18 pictures,
 * 613 kB in 24 scripts, 131 kB in fonts, 78 kB in stylesheets, 18 kB in the document (HTTP Archive's Web Almanac 2024, chapter Page Weight).
 * `shop` and `news` have more requests, as shops and newspapers do, with more of the pictures small; `wikipedia-like` is an article of an
 * encyclopedia: much text, no fonts, hardly any third parties; `tiny` is for those who want to see each packet. How many resources stand
 * where in the page, how many scripts hold up the parser, what comes from third parties, and how sizes are spread around their mean (as
 * 1/n, a heavy tail) is judgement. Sizes are those on the wire, as if compressed already.
 */
import type { PageReference } from './page-reference.ts'

export const PAGE_MODELS = ['tiny', 'wikipedia-like', 'shop', 'news'] as const
export type PageModelName = (typeof PAGE_MODELS)[number]

/** A page model, and over which hosts it is spread. */
export interface PageChoice {
  readonly model: PageModelName
  /** Names of hosts that its own files are spread over, the document and data excepted; none: all come from one host. */
  readonly shards: readonly string[]
  /** Names of hosts of third parties; none: their files come from the page's own host. */
  readonly thirdParties: readonly string[]
}

/** So many resources of a kind that are found in the same way. */
interface Group {
  /** Directory of their paths. */
  readonly name: string
  readonly type: 'css' | 'js' | 'webp' | 'svg' | 'woff2' | 'json' | 'gif'
  readonly count: number
  /** All together, in bytes. */
  readonly bytes: number
  readonly as: PageReference['as']
  readonly how?: PageReference['how']
  /** What names them: the document, or a group before, each of whose members names as many as the next. */
  readonly by?: string
  /** From where to where they are spread in the body; absent: in the head. */
  readonly at?: readonly [number, number]
  readonly isThirdParty?: true
}

interface Model {
  /** Of the document, in bytes. */
  readonly document: number
  readonly groups: readonly Group[]
}

const K = 1000

const MODELS: Readonly<Record<PageModelName, Model>> = {
  tiny: {
    document: 5 * K,
    groups: [
      { name: 'css', type: 'css', count: 1, bytes: 4 * K, as: 'style' },
      { name: 'js', type: 'js', count: 1, bytes: 6 * K, as: 'script', how: 'defer' },
      { name: 'img', type: 'webp', count: 2, bytes: 15 * K, as: 'image', at: [0, 0.8] },
    ],
  },
  'wikipedia-like': {
    document: 85 * K,
    groups: [
      { name: 'css', type: 'css', count: 2, bytes: 40 * K, as: 'style' },
      { name: 'startup', type: 'js', count: 1, bytes: 30 * K, as: 'script', how: 'async' },
      { name: 'modules', type: 'js', count: 3, bytes: 120 * K, as: 'script', by: 'startup' },
      { name: 'icons', type: 'svg', count: 4, bytes: 8 * K, as: 'image', by: 'css' },
      { name: 'img', type: 'webp', count: 8, bytes: 200 * K, as: 'image', at: [0.02, 0.5] },
      { name: 'more', type: 'webp', count: 11, bytes: 117 * K, as: 'image', how: 'lazy', at: [0.5, 1] },
    ],
  },
  shop: {
    document: 55 * K,
    groups: [
      { name: 'css', type: 'css', count: 4, bytes: 110 * K, as: 'style' },
      { name: 'head', type: 'js', count: 2, bytes: 70 * K, as: 'script' },
      { name: 'app', type: 'js', count: 9, bytes: 420 * K, as: 'script', how: 'defer' },
      { name: 'tags', type: 'js', count: 4, bytes: 110 * K, as: 'script', how: 'async', isThirdParty: true },
      { name: 'fonts', type: 'woff2', count: 4, bytes: 120 * K, as: 'font', by: 'css' },
      { name: 'icons', type: 'svg', count: 8, bytes: 14 * K, as: 'image', how: 'small', at: [0, 0.1] },
      { name: 'hero', type: 'webp', count: 3, bytes: 330 * K, as: 'image', at: [0.05, 0.15] },
      { name: 'img', type: 'webp', count: 38, bytes: 720 * K, as: 'image', at: [0.15, 1] },
      { name: 'api', type: 'json', count: 4, bytes: 40 * K, as: 'data', by: 'app' },
      { name: 'pixels', type: 'gif', count: 3, bytes: 1 * K, as: 'image', by: 'tags', isThirdParty: true },
    ],
  },
  news: {
    document: 90 * K,
    groups: [
      { name: 'css', type: 'css', count: 5, bytes: 130 * K, as: 'style' },
      { name: 'head', type: 'js', count: 3, bytes: 110 * K, as: 'script' },
      { name: 'consent', type: 'js', count: 1, bytes: 60 * K, as: 'script', isThirdParty: true },
      { name: 'app', type: 'js', count: 9, bytes: 360 * K, as: 'script', how: 'defer' },
      { name: 'tags', type: 'js', count: 6, bytes: 180 * K, as: 'script', how: 'async', isThirdParty: true },
      { name: 'ads', type: 'js', count: 18, bytes: 420 * K, as: 'script', by: 'tags', isThirdParty: true },
      { name: 'fonts', type: 'woff2', count: 5, bytes: 140 * K, as: 'font', by: 'css' },
      { name: 'hero', type: 'webp', count: 2, bytes: 260 * K, as: 'image', at: [0.03, 0.08] },
      { name: 'img', type: 'webp', count: 24, bytes: 660 * K, as: 'image', at: [0.08, 0.5] },
      { name: 'more', type: 'webp', count: 22, bytes: 480 * K, as: 'image', how: 'lazy', at: [0.5, 1] },
      { name: 'api', type: 'json', count: 5, bytes: 60 * K, as: 'data', by: 'app' },
      { name: 'bids', type: 'json', count: 9, bytes: 40 * K, as: 'data', by: 'ads', isThirdParty: true },
      { name: 'pixels', type: 'gif', count: 12, bytes: 6 * K, as: 'image', by: 'ads', isThirdParty: true },
    ],
  },
}

/** One resource of a page model. */
export interface ModelResource {
  /** In bytes. */
  readonly size: number
  readonly references: readonly PageReference[]
}

/** Sizes that add up to `bytes`, as 1/n, the large ones neither first nor last. */
function sizesOf({ count, bytes }: Group): number[] {
  const weights = Array.from({ length: count }, (_, index) => 1 / (((index * 7 + 3) % count) + 2))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const sizes = weights.map((weight) => Math.round((bytes * weight) / total))
  const rest = bytes - sizes.reduce((sum, size) => sum + size, 0)
  return sizes.map((size, index) => (index === 0 ? size + rest : size))
}

/**
 * Everything that a page model consists of, by path, the document at `/`. Each host that serves the model serves all of it: which host is asked
 * for what is said by the addresses that the parts name.
 */
export function modelResources({ model, shards, thirdParties }: PageChoice): Readonly<Record<string, ModelResource>> {
  const { document, groups } = MODELS[model]
  const references = new Map<string, PageReference[]>([['/', []]])
  const sizes = new Map<string, number>([['/', document]])
  const members = new Map<string, string[]>()
  let files = 0
  const hostOf = ({ as, isThirdParty }: Group): string => {
    if (isThirdParty === true) return thirdParties.length === 0 ? '' : `//${thirdParties[files++ % thirdParties.length] ?? ''}`
    return shards.length === 0 || as === 'data' ? '' : `//${shards[files++ % shards.length] ?? ''}`
  }
  for (const group of groups) {
    const paths: string[] = []
    sizesOf(group).forEach((size, index) => {
      const path = `/${group.name}/${String(index + 1)}.${group.type}`
      paths.push(path)
      sizes.set(path, size)
      references.set(path, [])
      const by = members.get(group.by ?? '') ?? ['/']
      const naming = by[index % by.length] ?? '/'
      references.get(naming)?.push(referenceTo(`${hostOf(group)}${path}`, group, index))
    })
    members.set(group.name, paths)
  }
  return Object.fromEntries([...sizes].map(([path, size]) => [path, { size, references: references.get(path) ?? [] }]))
}

function referenceTo(url: string, { as, how, at, count }: Group, index: number): PageReference {
  const place = at === undefined ? undefined : at[0] + ((at[1] - at[0]) * index) / count
  return { url, as, ...(how !== undefined && { how }), ...(place !== undefined && { at: Number(place.toFixed(4)) }) }
}
