import type { EventData } from '../kernel/machine.ts'
import type { Http3Settings } from '../protocols/http3/options.ts'
import type { QuicOptions } from '../protocols/quic/options.ts'
import type { QuicSettings } from '../scenario/quic-settings.ts'

/** Settings of a scenario as both kinds of endpoint take them. */
export function commonQuicOptions(settings: QuicSettings): QuicOptions {
  const { congestionControl, pacing, ecn, pmtud, streamWindow, connectionWindow, idleTimeout, maxAckDelay } = settings
  const { initialRtt, keyUpdateAfter, activeConnectionIdLimit, spinBit, datagrams } = settings
  return {
    congestionControl,
    pacing,
    ecn,
    pmtud,
    streamWindow,
    connectionWindow,
    idleTimeout,
    maxAckDelay,
    initialRtt,
    ...(keyUpdateAfter > 0 && { keyUpdateAfter }),
    activeConnectionIdLimit,
    spinBit,
    datagrams,
    observe: true,
  }
}

/** What the peer's settings say of what it takes, for the trace. */
export function describedSettings({ qpackMaxTableCapacity, qpackBlockedStreams, datagrams }: Http3Settings): EventData {
  return { qpackMaxTableCapacity, qpackBlockedStreams, datagrams }
}
