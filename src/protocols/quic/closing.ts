import { QUIC_ERROR_CODE, quicErrorName } from '../../wire/quic/error-codes.ts'
import type { ConnectionCloseFrame } from '../../wire/quic/frame.ts'
import { alertName } from '../../wire/tls/alert.ts'
import type { Nanos } from '../endpoint.ts'
import type { QuicFault, QuicViolation } from './fault.ts'

const ALERT_BITS = 0xff

/** What a code is called: RFC 9000 section 20.1; a number where it has no name. */
function codeName(space: 'transport' | 'application', code: number): string {
  const name = space === 'transport' ? quicErrorName(code) : undefined
  if (name === undefined) return `0x${code.toString(16)}`
  if (name !== 'CRYPTO_ERROR') return name
  return `${name} (${alertName(code & ALERT_BITS) ?? `alert ${String(code & ALERT_BITS)}`})`
}

/** The peer broke a rule, and is told. */
export function violationFault(violation: QuicViolation): QuicFault {
  const { code, detail, cites, certificateError } = violation
  const fault: QuicFault = {
    whose: 'peer',
    space: 'transport',
    code,
    name: codeName('transport', code),
    noticedBy: 'us',
    detail,
    cites,
  }
  return certificateError === undefined ? fault : { ...fault, certificateError }
}

/** What the peer said when it closed; undefined: nothing was wrong. */
export function receivedFault(frame: ConnectionCloseFrame): QuicFault | undefined {
  const { space, code, reason } = frame
  if (code === 0) return undefined
  const isApplication = space === 'application'
  return {
    // The peer's transport complains about us; its application may have any reason.
    whose: isApplication || code === QUIC_ERROR_CODE.INTERNAL_ERROR ? 'peer' : 'local',
    space,
    code,
    name: codeName(space, code),
    noticedBy: 'peer',
    detail: reason === '' ? 'closed by the peer' : reason,
    cites: isApplication ? 'RFC 9000 section 10.2' : 'RFC 9000 section 20.1',
  }
}

/** Nobody closed it, and yet it is over. */
export function networkFault(name: string, detail: string, cites: string): QuicFault {
  return { whose: 'network', space: 'transport', code: 0, name, noticedBy: 'us', detail, cites }
}

/** Packets that come after we have closed are answered, ever more seldom: RFC 9000 section 10.2.1. */
const MAX_ANSWER_EVERY = 1024

/**
 * The end of a connection: RFC 9000 section 10.2. `closing`: we have said so, and answer whatever comes with the same; `draining`: the peer
 * has said so, and nothing is sent any more. After three probe timeouts there is nothing left to wait for.
 */
export class Closing {
  /** Whether a CONNECTION_CLOSE is to be sent now. */
  isDue: boolean
  private received = 0
  private answerAt = 1

  private hasBegun = false

  /**
   * @param frame what we say; undefined: the peer has said it
   * @param until when all is forgotten
   */
  constructor(
    readonly frame: ConnectionCloseFrame | undefined,
    readonly error: QuicFault | undefined,
    public until: Nanos,
  ) {
    this.isDue = frame !== undefined
  }

  /** It can be told now. What an application asks for comes without a time. @param until when all is forgotten */
  begin(until: Nanos): void {
    if (this.hasBegun) return
    this.hasBegun = true
    this.until = until
  }

  /** A datagram came. */
  datagramReceived(): void {
    if (this.frame === undefined) return
    this.received++
    if (this.received < this.answerAt) return
    this.received = 0
    this.answerAt = Math.min(2 * this.answerAt, MAX_ANSWER_EVERY)
    this.isDue = true
  }
}
