/** Simulated time: an integer count of nanoseconds since the run began, in [0, 2^53). */
export type Nanos = number

/**
 * A protocol machine without IO. Bytes and time come in as arguments; bytes, deadlines and events come out when asked.
 *
 * After any call to `handle`, `handleTimeout` or a command, the owner drains `pollTransmit` and `pollEvent`, then asks
 * `pollTimeout` anew: every answer may have changed. Between such calls the answers do not change by themselves.
 */
export interface Endpoint<Unit, Event> {
  /** Takes one unit from the layer below. Never throws for what the peer sent. */
  handle(unit: Unit, now: Nanos): void
  /** The next unit for the layer below, or undefined when there is none for now. */
  pollTransmit(now: Nanos): Unit | undefined
  /** The earliest absolute time at which `handleTimeout` wants to be called; undefined: never. */
  pollTimeout(): Nanos | undefined
  /** Lets deadlines at or before `now` pass. Harmless when called early. */
  handleTimeout(now: Nanos): void
  /** The next event for the layer above, or undefined when there is none for now. */
  pollEvent(): Event | undefined
}
