import type { RandomBytes } from '../../crypto/random-bytes.ts'
import type { Nanos } from '../endpoint.ts'

const CHALLENGE_LENGTH = 8
/** Challenges that an answer may still come to. */
const MOST_OPEN = 8
/** Challenges of the peer that wait for our answer; newer ones push out older ones. */
const MOST_ANSWERS = 4
/** RFC 9000 section 8.2.4: three probe timeouts. */
const PATIENCE = 3

/** What is known of whether a path works in both directions. */
export type PathValidationState = 'unknown' | 'validating' | 'validated' | 'failed'

/**
 * Validation of one path: RFC 9000 section 8.2. Random bytes go there in a PATH_CHALLENGE, again from time to time, until they come back in a
 * PATH_RESPONSE, on whatever path. And the answers that we owe to the peer's challenges on this path.
 */
export class PathValidation {
  state: PathValidationState = 'unknown'
  /** Whether a PATH_CHALLENGE is to be sent. */
  isChallengeDue = false
  /** Whether one was answered that went out in a datagram of full size (section 8.2.1), so that this size is known to fit. */
  isSizeValidated = false
  private readonly open: { readonly data: Uint8Array; readonly isFull: boolean }[] = []
  private readonly answers: Uint8Array[] = []
  private again: Nanos = -1
  private deadline: Nanos = -1
  private interval: Nanos = 0

  constructor(private readonly random: RandomBytes) {}

  /**
   * Begins to validate, or to validate anew.
   * @param probeTimeout the longer of that of the path in use and that of a new path
   */
  begin(probeTimeout: Nanos, now: Nanos): void {
    this.state = 'validating'
    this.isChallengeDue = true
    this.interval = probeTimeout
    this.deadline = now + PATIENCE * probeTimeout
    this.again = -1
    this.open.length = 0
  }

  /**
   * Data for the PATH_CHALLENGE that is sent now.
   * @param isFull whether its datagram has 1,200 bytes or more
   */
  challenge(isFull: boolean, now: Nanos): Uint8Array {
    const data = this.random(CHALLENGE_LENGTH)
    if (this.open.length === MOST_OPEN) this.open.shift()
    this.open.push({ data, isFull })
    this.isChallengeDue = false
    this.again = now + this.interval
    return data
  }

  /**
   * A PATH_RESPONSE came.
   * @returns whether it answers a challenge of this path, and by that validates it
   */
  answered(data: Uint8Array): boolean {
    if (this.state !== 'validating') return false
    const challenge = this.open.find((candidate) => candidate.data.every((byte, i) => byte === data[i]))
    if (challenge === undefined) return false
    this.isSizeValidated ||= challenge.isFull
    this.settle('validated')
    return true
  }

  /** It is known by other means (the handshake), or of no interest any more. */
  settle(state: 'validated' | 'failed'): void {
    this.state = state
    this.isChallengeDue = false
    this.again = this.deadline = -1
    this.open.length = 0
  }

  /** A PATH_CHALLENGE came on this path: its data are to go back on it. */
  challenged(data: Uint8Array): void {
    if (this.answers.length === MOST_ANSWERS) this.answers.shift()
    this.answers.push(data)
  }

  /** Whether a PATH_RESPONSE is to be sent on this path. */
  get hasAnswer(): boolean {
    return this.answers.length > 0
  }

  /** Data for the next PATH_RESPONSE. It is not sent again when it is lost (RFC 9000 section 13.3). */
  pollAnswer(): Uint8Array | undefined {
    return this.answers.shift()
  }

  /** When `handleTimeout` wants to be called; -1: not at all. */
  get timeout(): Nanos {
    if (this.state !== 'validating') return -1
    return this.again >= 0 && this.again < this.deadline ? this.again : this.deadline
  }

  /** Harmless when early. @returns whether validation has failed now */
  handleTimeout(now: Nanos): boolean {
    if (this.state !== 'validating') return false
    if (now >= this.deadline) {
      this.settle('failed')
      return true
    }
    if (this.again >= 0 && now >= this.again) {
      this.isChallengeDue = true
      this.again = -1
    }
    return false
  }
}
