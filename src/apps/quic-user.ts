import type { QuicEvent } from '../protocols/quic/event.ts'

/** Who uses a QUIC connection: HTTP/3, for one. */
export interface QuicUser {
  /** Something happened; the trace has it already. May give the connection commands: they go out afterwards. */
  handleEvent(event: QuicEvent): void
  /** All events of this moment have been told. */
  settle(): void
}
