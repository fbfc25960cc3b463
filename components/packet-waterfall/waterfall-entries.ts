import type { Nanos } from '../../src/trace/record.ts'
import type { FetchRow, PageLoad, Waterfall } from '../../src/trace/waterfall.ts'

/** A line of the list: a page, or one of the resources below it. */
export type Entry =
  | { readonly id: string; readonly page: PageLoad; readonly row: undefined }
  | { readonly id: string; readonly page: PageLoad | undefined; readonly row: FetchRow }

/** All lines that there are at a time, pages in order, each with its resources. */
export function entriesOf(waterfall: Waterfall, only: PageLoad | undefined, playhead: Nanos): Entry[] {
  const entries: Entry[] = []
  const add = (rows: readonly FetchRow[], page: PageLoad | undefined): void => {
    for (const row of rows) if (row.queued <= playhead) entries.push({ id: `row-${String(row.index)}`, page, row })
  }
  // Of a page whose beginning the trace has let go.
  if (only === undefined) {
    add(
      waterfall.rows.filter(({ page }) => page === undefined),
      undefined,
    )
  }
  for (const page of only === undefined ? waterfall.pages : [only]) {
    if (page.started > playhead) continue
    entries.push({ id: `page-${String(page.index)}`, page, row: undefined })
    add(page.rows, page)
  }
  return entries
}

/** What has come of a page by a time. */
export function pageSums(
  { rows, started, milestones }: PageLoad,
  playhead: Nanos,
): { files: number; bytes: number; time: Nanos } {
  let files = 0
  let bytes = 0
  for (const row of rows) {
    if (row.queued <= playhead) files++
    if (row.ended <= playhead) bytes += row.bytes
  }
  const over = milestones.find(({ kind, time }) => (kind === 'loaded' || kind === 'failed') && time <= playhead)
  return { files, bytes, time: (over?.time ?? playhead) - started }
}
