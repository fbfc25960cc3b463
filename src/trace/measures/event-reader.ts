import type { EventRecord, Nanos, TraceView } from '../record.ts'
import { TraceStore } from '../trace-store.ts'

/** Reads the events of a trace, each once, as it grows. */
export class EventReader {
  /** How many have been read, or were let go before they could be. */
  private next = 0

  /** @param missed is told before which time events were let go before they could be read */
  read(trace: TraceView, take: (event: EventRecord) => void, missed?: (before: Nanos) => void): void {
    const gone = trace instanceof TraceStore ? trace.thinnedEvents : 0
    const { events } = trace
    if (gone > this.next) {
      this.next = gone
      missed?.(events.at(0)?.time ?? 0)
    }
    for (let index = this.next - gone; index < events.length; index++) take(events[index])
    this.next = gone + events.length
  }
}
