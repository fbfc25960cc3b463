/**
 * TCP Fast Open: data in the SYN, for a peer that has been here before.
 *
 * Required reading: RFC 7413.
 *
 * How it works. A client that is allowed to asks for a cookie in its first SYN. In later ones it gives the cookie back and puts data behind
 * it; a server that finds the cookie to be its own hands the data on at once, a round-trip time early, and may answer before the handshake is
 * done. Whoever forges his address never sees a cookie, so a flood of such SYNs does no more than one without data. What does not
 * get through in one piece is sent again plainly: a lost SYN without data and without option, data that was not taken after the handshake.
 */
import type { Nanos } from '../endpoint.ts'
import { tcpEncodedLength, TCP_HEADER_LENGTH, type TcpSegment } from '../../wire/tcp.ts'
import type { IpAddress } from '../../wire/address.ts'
import { PendingEvent, type ControlBlock } from './control-block.ts'
import { addressWords, KeyedHash } from './keyed-hash.ts'
import { offerInitialWindow } from './receive-window.ts'
import { takeText } from './reception.ts'

const NO_COOKIE = new Uint8Array(0)
/** Bytes of the cookies that are given out, as by Linux. */
const COOKIE_LENGTH = 8
/** The cookies that a server gives: a hash of the client's address (RFC 7413 section 4.1.2). */
export class FastOpenCookies {
  private readonly hash: KeyedHash

  /** @param random gives 32 bits each time */
  constructor(random: () => number) {
    this.hash = new KeyedHash(random)
  }

  cookieFor(client: IpAddress): Uint8Array {
    this.hash.update(addressWords(client))
    const cookie = new Uint8Array(COOKIE_LENGTH)
    for (let i = 0; i < 4; i++) {
      cookie[i] = this.hash.low >>> (8 * i)
      cookie[i + 4] = this.hash.high >>> (8 * i)
    }
    return cookie
  }

  isRight(cookie: Uint8Array, client: IpAddress): boolean {
    if (cookie.length !== COOKIE_LENGTH) return false
    const right = this.cookieFor(client)
    return cookie.every((byte, index) => byte === right[index])
  }
}

/** Puts into the first SYN of a client what it may hold: the cookie and data, or the wish for a cookie. */
export function fillSyn(block: ControlBlock, syn: TcpSegment): void {
  const { fastOpen, sendQueue, config } = block
  if (fastOpen === undefined || block.synRetransmissions > 0) return
  syn.fastOpen = fastOpen.cookie ?? NO_COOKIE
  if (fastOpen.cookie === undefined) {
    block.record('tcp:fast-open-requested', {})
    return
  }
  const room = Math.min(fastOpen.mss, config.mss, block.pathMss) - (tcpEncodedLength(syn) - TCP_HEADER_LENGTH)
  const length = Math.min(sendQueue.length, room)
  if (length <= 0) return
  syn.payload = sendQueue.slice(1, length)
  block.synData = length
  block.sndMax = 1 + length
  block.record('tcp:fast-open-sent', { length })
}

/** The server has answered our SYN: what does that teach of it? */
export function learnFromSynAck(block: ControlBlock, answer: TcpSegment, now: Nanos): void {
  const { fastOpen } = block
  if (fastOpen === undefined) return
  if (block.synRetransmissions > 0) {
    fastOpen.losses++
    fastOpen.lastLostAt = now
    block.record('tcp:fast-open-fell-back', { losses: fastOpen.losses })
  } else {
    fastOpen.losses = 0
  }
  if (answer.mss > 0) fastOpen.mss = answer.mss
  if (answer.fastOpen !== undefined && answer.fastOpen.length > 0) {
    fastOpen.cookie = answer.fastOpen.slice()
    block.record('tcp:fast-open-cookie-received', { length: fastOpen.cookie.length })
  }
}

/** The SYN-ACK says how much of the SYN's data was taken; the rest is sent again like any other. @param ack position */
export function takeSynDataAck(block: ControlBlock, ack: number): void {
  if (block.synData === 0) return
  const taken = ack - 1
  block.record('tcp:fast-open-answered', { sent: block.synData, taken })
  if (taken <= 0) return
  block.sndUna = ack
  block.sndNxt = ack
  block.roundEnd = ack
  block.sendQueue.discard(ack)
  if (block.sendBlocked) {
    block.sendBlocked = false
    block.emit(PendingEvent.WRITABLE)
  }
}

/** A SYN has come to a listener with a right cookie: its data is taken, and the user told that there is a connection. */
export function openFast(block: ControlBlock, syn: TcpSegment, now: Nanos): void {
  block.fastOpened = true
  offerInitialWindow(block)
  block.congestion.begin(block.smss, block.config.initialWindow, now, block.rtt.srtt)
  block.emit(PendingEvent.CONNECTED)
  if (syn.payload.length > 0) takeText(block, syn.payload, 1, false, now)
  block.record('tcp:fast-open-accepted', { length: syn.payload.length })
}
