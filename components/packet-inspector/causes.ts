import { NO_ID, type EventRecord, type FrameRecord, type TraceView } from '../../src/trace/record.ts'

/** One link of a chain of causes. */
export type Cause = { readonly frame: FrameRecord } | { readonly event: EventRecord }

/** How far back a chain is told. */
const LONGEST = 6

/** Why something happened, the nearest cause first; ends where the trace knows no cause, or no longer has it. */
export function causesOf(trace: TraceView, frame: FrameRecord): Cause[] {
  const chain: Cause[] = []
  let id = frame.cause
  while (id !== NO_ID && chain.length < LONGEST) {
    const event = trace.eventById(id)
    const earlier = event === undefined ? trace.frameById(id) : undefined
    if (event !== undefined) chain.push({ event })
    else if (earlier !== undefined) chain.push({ frame: earlier })
    id = event?.cause ?? earlier?.cause ?? NO_ID
  }
  return chain
}
