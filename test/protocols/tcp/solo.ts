/** One connection and a peer made of bare segments: for what no honest peer would send, and for tables over states. */
import { tcpConfig, type TcpConfig } from '../../../src/protocols/tcp/config.ts'
import { TcpConnection } from '../../../src/protocols/tcp/connection.ts'
import type { TcpEvent } from '../../../src/protocols/tcp/event.ts'
import type { TcpState } from '../../../src/protocols/tcp/state.ts'
import { TcpFlag, TcpSegment } from '../../../src/wire/tcp.ts'
import { flagText } from '../../pair/tcp-pair.ts'

const ISS = 0xffff_ff00
const IRS = 5_000
const PEER_WINDOW = 10_000

export const { FIN, SYN, RST, PSH, ACK, URG, ECE, CWR } = TcpFlag

export interface Given {
  flags: number
  /** Position in the peer's stream; by default, what the connection expects next. */
  seq?: number
  /** Position in the connection's stream; by default, everything that it sent. */
  ack?: number
  payload?: Uint8Array
  window?: number
  mss?: number
  windowScale?: number
  sackPermitted?: boolean
  timestamp?: readonly [value: number, echo: number]
  /** ECN codepoint of the packet around it. */
  ecn?: number
}

/** A sent segment in short. */
export interface Sent {
  readonly flags: string
  readonly seq: number
  readonly ack: number
  readonly length: number
  readonly window: number
}

/** Timestamps and SACK off, so that segments without options are accepted. */
export const BARE: Readonly<Partial<TcpConfig>> = { timestamps: false, sack: false, windowScaling: false, mss: 1000 }

export class Solo {
  now = 0
  readonly connection: TcpConnection
  readonly records: { name: string; data: Readonly<Record<string, unknown>> }[] = []
  readonly events: TcpEvent[] = []
  readonly sent: Sent[] = []
  lastSegment = new TcpSegment()

  constructor(config: Readonly<Partial<TcpConfig>> = BARE, passive = true) {
    this.connection = new TcpConnection({
      config: tcpConfig(config),
      localPort: 80,
      remotePort: 4000,
      isn: ISS,
      passive,
      keeper: { record: (name, data) => this.records.push({ name, data }), isBrief: false, synAckRetries: (most) => most },
    })
  }

  get state(): TcpState {
    return this.connection.state
  }

  /** Sends and tells everything that is due; returns what was sent. */
  drain(): Sent[] {
    const sent: Sent[] = []
    for (
      let segment = this.connection.pollTransmit(this.now);
      segment !== undefined;
      segment = this.connection.pollTransmit(this.now)
    ) {
      this.lastSegment = Object.assign(new TcpSegment(), segment)
      const hasAck = (segment.flags & ACK) !== 0
      sent.push({
        flags: flagText(segment.flags),
        seq: (segment.seq - ISS) | 0,
        ack: hasAck ? (segment.ack - IRS) | 0 : 0,
        length: segment.payload.length,
        window: segment.window,
      })
      if (sent.length > 1000) throw new Error('it sends for ever')
    }
    this.sent.push(...sent)
    for (let event = this.connection.pollEvent(); event !== undefined; event = this.connection.pollEvent())
      this.events.push(event)
    return sent
  }

  /** A segment comes from the peer; returns what is sent at once. */
  give(given: Given): Sent[] {
    const { block } = this.connection
    const segment = new TcpSegment()
    segment.sourcePort = 4000
    segment.destinationPort = 80
    segment.flags = given.flags
    segment.seq = (IRS + (given.seq ?? block.rcvNxt)) >>> 0
    segment.ack = (given.flags & ACK) === 0 ? 0 : (ISS + (given.ack ?? block.sndMax)) >>> 0
    segment.window = given.window ?? PEER_WINDOW
    segment.payload = given.payload ?? new Uint8Array(0)
    segment.mss = given.mss ?? 0
    segment.windowScale = given.windowScale ?? -1
    segment.sackPermitted = given.sackPermitted ?? false
    segment.ecn = given.ecn ?? 0
    if (given.timestamp !== undefined) {
      segment.hasTimestamp = true
      segment.tsVal = given.timestamp[0]
      segment.tsEcr = given.timestamp[1]
    }
    this.connection.handle(segment, this.now)
    return this.drain()
  }

  /** Lets time pass until the next deadline and lets it fire; returns what is sent. */
  timeout(): Sent[] {
    const deadline = this.connection.pollTimeout()
    if (deadline === undefined) throw new Error('no timer is set')
    this.now = Math.max(this.now, deadline)
    this.connection.handleTimeout(this.now)
    return this.drain()
  }

  /** Lets time pass; timers fire when they are due. */
  wait(duration: number): Sent[] {
    const until = this.now + duration
    const sent: Sent[] = []
    for (let at = this.connection.pollTimeout(); at !== undefined && at <= until; at = this.connection.pollTimeout()) {
      this.now = Math.max(this.now, at)
      this.connection.handleTimeout(this.now)
      sent.push(...this.drain())
    }
    this.now = until
    return sent
  }

  send(bytes: Uint8Array): Sent[] {
    this.connection.send(bytes)
    return this.drain()
  }

  transitions(): string[] {
    return this.records
      .filter(({ name }) => name === 'tcp:state-changed')
      .map(({ data }) => `${String(data.from)} ${String(data.why)} ${String(data.to)}`)
  }
}

/** A connection in a state, by the usual way there. In ESTABLISHED and CLOSE-WAIT 500 bytes are in flight. */
export function soloIn(state: TcpState, config: Readonly<Partial<TcpConfig>> = BARE): Solo {
  if (state === 'CLOSED') return new Solo(config, false)
  if (state === 'SYN-SENT') {
    const solo = new Solo(config, false)
    solo.connection.connect(0)
    solo.drain()
    return solo
  }
  const solo = new Solo(config)
  const { connection } = solo
  if (state === 'LISTEN') return solo
  solo.give({ flags: SYN, seq: 0, mss: 1000, windowScale: 7, sackPermitted: true, timestamp: [1, 0] })
  if (state === 'SYN-RECEIVED') return solo
  const timestamp = [1, solo.lastSegment.tsVal] as const
  solo.give({ flags: ACK, timestamp })
  solo.send(new Uint8Array(500))
  if (state === 'ESTABLISHED') return solo
  if (state === 'CLOSE-WAIT' || state === 'LAST-ACK') {
    solo.give({ flags: FIN | ACK, ack: 1, timestamp })
    if (state === 'CLOSE-WAIT') return solo
  }
  connection.shutdown(solo.now)
  solo.drain()
  if (state === 'FIN-WAIT-1' || state === 'LAST-ACK') return solo
  if (state === 'CLOSING') {
    solo.give({ flags: FIN | ACK, ack: 501, timestamp })
    return solo
  }
  solo.give({ flags: ACK, timestamp })
  if (state === 'FIN-WAIT-2') return solo
  solo.give({ flags: FIN | ACK, timestamp })
  return solo
}
