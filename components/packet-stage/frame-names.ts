import type { Field, Layer } from '../../src/wire/field.ts'
import type { Run } from '../../src/run/run.ts'
import type { FrameKind, FrameRecord, Nanos } from '../../src/trace/record.ts'
import type { FrameIndex } from './frame-index.ts'

/*
 * What is written beside a flying frame. Its kind is known at once; its numbers are asked of the run, and sequence numbers are told
 * relative to the first of their connection, for which the SYN is asked too.
 */

const KNOWN_LIMIT = 4000
/** How many questions are out at a time. */
const AT_ONCE = 6
/** Longer lines of a request are cut. */
const LONGEST = 20

const KIND_NAMES: Readonly<Record<FrameKind, string>> = {
  other: 'frame',
  arp: 'ARP',
  icmp: 'ICMP',
  udp: 'UDP',
  'tcp-syn': 'SYN',
  'tcp-ack': 'ACK',
  'tcp-data': 'data',
  'tcp-fin': 'FIN',
  'tcp-rst': 'RST',
  ndp: 'NDP',
}

/** What was found out about a frame: a text, or a number that is relative to where its stream began. */
export interface FrameName {
  readonly text: string
  /** `'10.0.0.1:49152>10.0.0.2:80'`, and a raw sequence number of that stream; '' and 0 when the text says all. */
  readonly stream: string
  readonly number: number
  /** Of a SYN: where the stream of `stream` begins. */
  readonly opening: boolean
}

function value(layer: Layer, name: string): string {
  const find = (fields: readonly Field[]): string | undefined => {
    for (const field of fields) {
      if (field.name === name) return field.value
      const inside = field.fields === undefined ? undefined : find(field.fields)
      if (inside !== undefined) return inside
    }
    return undefined
  }
  return find(layer.fields) ?? ''
}

function plain(text: string): FrameName {
  return { text, stream: '', number: 0, opening: false }
}

function shorten(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`
}

/** Bytes behind the headers of IP. */
function payloadLength(ip: Layer): number {
  if (ip.protocol === 'ipv6') return 40 + Number(value(ip, 'ipv6.plen')) - (ip.end - ip.start)
  return Number(value(ip, 'ip.len')) - Number.parseInt(value(ip, 'ip.hdr_len'))
}

function nameTcp(tcp: Layer, ip: Layer, http: Layer | undefined): FrameName {
  const has = (flag: string): boolean => value(tcp, `tcp.flags.${flag}`) === 'set'
  const prefix = ip.protocol === 'ipv6' ? 'ipv6' : 'ip'
  const here = `${value(ip, `${prefix}.src`)}:${value(tcp, 'tcp.srcport')}`
  const there = `${value(ip, `${prefix}.dst`)}:${value(tcp, 'tcp.dstport')}`
  const seq = Number(value(tcp, 'tcp.seq_raw'))
  if (has('syn')) return { text: has('ack') ? 'SYN-ACK' : 'SYN', stream: `${here}>${there}`, number: seq, opening: true }
  if (has('reset')) return plain('RST')
  if (has('fin')) return plain('FIN')
  const line = http?.summary ?? ''
  const status = /^HTTP\/[\d.]+ (\d+.*)/.exec(line)?.[1]
  if (status !== undefined) return plain(shorten(status))
  const request = /^([A-Z]+ \S+)/.exec(line)?.[1]
  if (request !== undefined) return plain(shorten(request))
  const length = payloadLength(ip) - Number.parseInt(value(tcp, 'tcp.hdr_len'))
  if (length > 0) return { text: 'seq', stream: `${here}>${there}`, number: seq, opening: false }
  return { text: 'ACK', stream: `${there}>${here}`, number: Number(value(tcp, 'tcp.ack_raw')), opening: false }
}

/**
 * The first of what a line on TLS, QUIC or HTTP/2 and 3 tells: `'ClientHello'`, `'GET /'`, `'DATA 3'`, `'ACK 0–4'`; undefined for a line on
 * something else.
 */
function nameCarried(summary: string): string | undefined {
  const [, unread] = /^QUIC (Retry|Version Negotiation|Initial|Handshake|0-RTT|1-RTT)\b/.exec(summary) ?? []
  if (unread !== undefined) return unread
  const [, inQuic] = /^(?:Initial|Handshake|0-RTT|1-RTT)(?: \d+)?: (.+)/.exec(summary) ?? []
  if (inQuic !== undefined) return nameCarried(inQuic) ?? inQuic.split(/[,;]/)[0]
  const [, type, stream, path] = /^HTTP\/[23] (\w+)(?: stream (\d+))?(?:, ([A-Z]+ \S+|\d{3})(?=[,;]|$))?/.exec(summary) ?? []
  if (type !== undefined) return path ?? (stream === undefined ? type : `${type} ${stream}`)
  if (summary.startsWith('encrypted: ')) return 'TLS data'
  return /^TLS(?: [\d.]+)?: /.test(summary) ? 'TLS data' : /^TLS (?:[\d.]+ )?(\w+)/.exec(summary)?.[1]
}

/** Names a frame after its layers. */
function nameFrame(layers: readonly Layer[]): FrameName | undefined {
  const layer = (protocol: string): Layer | undefined => layers.find((each) => each.protocol === protocol)
  const [ip, tcp, arp] = [layer('ipv4') ?? layer('ipv6'), layer('tcp'), layer('arp')]
  const icmp = layer('icmp') ?? layer('icmpv6')
  if (tcp !== undefined && ip !== undefined) return nameTcp(tcp, ip, layer('http'))
  if (arp !== undefined) return plain(/^who has [\d.]+\?/.exec(arp.summary)?.[0] ?? 'ARP reply')
  if (icmp !== undefined) {
    const sequence = value(icmp, icmp.protocol === 'icmp' ? 'icmp.seq' : 'icmpv6.echo.sequence_number')
    if (/^who /.test(icmp.summary)) return plain(shorten(icmp.summary))
    if (/ is at | is here/.test(icmp.summary)) return plain('NDP reply')
    if (/request/i.test(icmp.summary)) return plain(`ping ${sequence}`)
    if (/reply/i.test(icmp.summary)) return plain(`pong ${sequence}`)
    return plain(shorten(icmp.summary.split(':')[0].toLowerCase()))
  }
  return undefined
}

export class FrameNames {
  readonly #known = new Map<number, FrameName | undefined>()
  /** Lines on frames with something of TLS, QUIC or HTTP/2 in them. */
  readonly #summaries = new Map<number, string>()
  /** Names that may become better: up to where the run was known when they were asked for. */
  readonly #open = new Map<number, Nanos>()
  readonly #asked = new Set<number>()
  /** First sequence number by stream. */
  readonly #openings = new Map<string, number>()
  readonly #arrived: () => void
  #run: Run | undefined

  /** @param arrived is called when more is known */
  constructor(arrived: () => void) {
    this.#arrived = arrived
  }

  /** Forgets everything; from now on it is about this run. */
  clear(run: Run | undefined): void {
    this.#run = run
    this.#known.clear()
    this.#summaries.clear()
    this.#open.clear()
    this.#asked.clear()
    this.#openings.clear()
  }

  /** The best name there is now; asks for a better one. */
  get(frame: Pick<FrameRecord, 'number' | 'kind' | 'connection'>, index: FrameIndex): string {
    if ((this.#run?.horizon ?? 0) > (this.#open.get(frame.number) ?? Infinity)) this.#ask(frame.number)
    const known = this.#known.get(frame.number)
    if (known === undefined) {
      if (!this.#known.has(frame.number)) this.#ask(frame.number)
      return KIND_NAMES[frame.kind]
    }
    if (known.stream === '' || known.opening) return known.text
    const begins = this.#openings.get(known.stream)
    if (begins !== undefined) return `${known.text} ${String((known.number - begins) >>> 0)}`
    for (const opening of index.openings.get(frame.connection) ?? []) if (!this.#known.has(opening)) this.#ask(opening)
    return KIND_NAMES[frame.kind]
  }

  /** What a frame carries of TLS, QUIC or HTTP/2, in a line; undefined when it is not known, or nothing of these. */
  summary(frame: number): string | undefined {
    return this.#summaries.get(frame)
  }

  #ask(number: number): void {
    const run = this.#run
    if (run === undefined || this.#asked.size >= AT_ONCE || this.#asked.has(number)) return
    this.#asked.add(number)
    const { horizon } = run
    run.inspect(number).then(
      (found) => {
        if (found?.isOpen === true) this.#open.set(number, horizon)
        else this.#open.delete(number)
        this.#learn(run, number, found?.layers ?? [], found?.summary ?? '')
      },
      () => {
        // The run is over or broke, which it tells by itself; the kind's name stays.
        this.#learn(run, number, [], '')
      },
    )
  }

  #learn(run: Run, number: number, layers: readonly Layer[], summary: string): void {
    if (run !== this.#run || !this.#asked.delete(number)) return
    if (this.#known.size >= KNOWN_LIMIT) {
      this.#known.clear()
      this.#summaries.clear()
      this.#open.clear()
    }
    const carried = nameCarried(summary)
    if (carried !== undefined) this.#summaries.set(number, summary)
    const name = carried === undefined ? nameFrame(layers) : plain(shorten(carried))
    if (name?.opening === true) this.#openings.set(name.stream, name.number)
    this.#known.set(number, name)
    this.#arrived()
  }
}
