import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { encodeIpv4, Ipv4Header } from '../../../src/wire/ipv4.ts'
import { encodeTcp, tcpEncodedLength, TcpFlag, TcpSegment } from '../../../src/wire/tcp.ts'
import { TlsTickets } from '../../../src/protocols/tls/tickets.ts'
import { bytesOf, credentialsOf, pairOf, seeded } from '../../protocols/tls/tls-pair.ts'
import type { TlsPair } from '../../protocols/tls/tls-pair.ts'
import { readPcap, vectorPath } from '../../vectors/pcap.ts'
import type { CapturedFrame } from '../../vectors/pcap.ts'
import { readPcapng } from '../../vectors/pcapng.ts'
import { tshark, withFile } from '../../vectors/tshark.ts'
import { conversations, recordLayers, recordLayers12 } from './captured-records.ts'
import type { ShownField } from './captured-records.ts'

// OpenSSL and OpenSSL, curl and nghttpd: what we show of each record is what tshark shows, field by field, decrypted as well.

interface JudgedField {
  readonly name: string
  readonly show: string
  readonly hex: string
}

/** What tshark makes of bytes beside reading them, or names otherwise. */
const NOT_READ = new Set([
  'tls.handshake.ja3',
  'tls.handshake.ja3_full',
  'tls.handshake.ja3s',
  'tls.handshake.ja3s_full',
  'tls.handshake.random_time',
  'tls.handshake.random_bytes',
  'tls.handshake.sig_hash_hash',
  'tls.handshake.sig_hash_sig',
  'tls.app_data_proto',
  'tls.app_data',
  'tls.segment.data',
])
/** Fields around others. */
const GROUPS = new Set([
  'tls.record',
  'tls.handshake',
  'tls.handshake.ciphersuites',
  'tls.handshake.comp_methods',
  'tls.handshake.certificates',
  // Its own fields are compared in test/wire/x509.test.ts.
  'tls.handshake.certificate',
  'tls.handshake.sig_hash_algs',
  'tls.handshake.extensions_supported_groups',
  'tls.handshake.extensions_ec_point_formats',
  'tls.handshake.extensions_alpn_list',
  'tls.handshake.extensions.psk.binders',
  'tls.alert_message',
])
/** What we read and tshark does not, or without saying what its bytes are. */
const MORE_THAN_TSHARK = new Set([
  'tls.app_data',
  'tls.change_cipher_spec',
  'tls.handshake.verify_data',
  'tls.handshake.extensions.psk.binder',
  'tls.handshake.extensions.psk.binder_length',
])

function attribute(tag: string, name: string): string {
  return new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? ''
}

/** tshark's fields of TLS in order, by conversation and source: `'0 10.0.0.1'`. */
function judged(path: string, options: readonly string[]): ReadonlyMap<string, readonly JudgedField[]> {
  const found = new Map<string, JudgedField[]>()
  for (const packet of tshark(path, '-T', 'pdml', '-Y', 'tls', ...options)
    .split('<packet>')
    .slice(1)) {
    const tags = packet.match(/<field [^>]*>/g) ?? []
    const fields = tags.map((tag) => ({
      name: attribute(tag, 'name'),
      show: attribute(tag, 'show'),
      hex: attribute(tag, 'value'),
    }))
    const show = (wanted: string): string => fields.find(({ name }) => name === wanted)?.show ?? ''
    const key = `${show('tcp.stream')} ${show('ip.src')}`
    const own = fields.filter(
      ({ name, hex }) => name.startsWith('tls.') && !NOT_READ.has(name) && !GROUPS.has(name) && hex !== '',
    )
    found.set(key, [...(found.get(key) ?? []), ...own])
  }
  return found
}

/** The value in words without what it means. */
function bare({ value }: ShownField): string {
  return value.split(' (')[0]
}

function sameValue(field: ShownField, show: string): boolean {
  const text = bare(field)
  if (/^(0x[0-9a-f]+|\d+)$/.test(show)) return Number(text) === Number(show)
  // Long byte strings are cut short in words.
  if (field.value.includes('…')) return show.replaceAll(':', '').startsWith(text.slice(0, 64))
  return text === show || text === show.replaceAll(':', '') || /bytes$/.test(text)
}

function compare(
  path: string,
  keyLog: string,
  frames: readonly CapturedFrame[],
  options: readonly string[],
  layersOf = recordLayers,
): number {
  let compared = 0
  const all = judged(path, options)
  conversations(frames).forEach((conversation, stream) => {
    for (const side of ['client', 'server'] as const) {
      const theirs = all.get(`${String(stream)} ${conversation[side].source}`) ?? []
      const records = layersOf(conversation, side, keyLog)
      const ours = records.flat().filter(({ name }) => name.startsWith('tls.') && !MORE_THAN_TSHARK.has(name))
      const where = `stream ${String(stream)}, ${side}`
      ours.forEach((field, i) => {
        const at = `${where}, field ${String(i)}: ${field.name}`
        const their = theirs[i]
        assert.ok(their, `${at} is not in tshark's list`)
        assert.equal(field.name, their.name, `${where}, field ${String(i)}`)
        assert.equal(Buffer.from(field.bytes).toString('hex'), their.hex, at)
        assert.ok(sameValue(field, their.show), `${at}: ${field.value} is ${their.show}`)
        compared++
      })
      assert.equal(ours.length, theirs.length, where)
    }
  })
  return compared
}

describe('records as the inspector shows them', () => {
  test('TLS 1.3 with resumption and early data, as tshark shows them', () => {
    const { frames, keyLog } = readPcapng('tls13-dsb.pcapng')
    const compared = compare(vectorPath('tls13-dsb.pcapng'), keyLog, frames, [])
    assert.ok(compared > 500, `${String(compared)} fields were compared`)
  })

  test('TLS 1.3 under HTTP/2 with a HelloRetryRequest, as tshark shows them', () => {
    const keys = vectorPath('h2.keys')
    const options = ['-o', `tls.keylog_file:${keys}`]
    const compared = compare(vectorPath('h2.pcap'), readFileSync(keys, 'latin1'), readPcap('h2.pcap'), options)
    assert.ok(compared > 500, `${String(compared)} fields were compared`)
  })

  for (const suite of ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256']) {
    test(`what our ends say in TLS 1.2, as tshark shows it: ${suite}`, () => {
      const frames: CapturedFrame[] = []
      const lines: string[] = []
      const tickets = new TlsTickets({ random: seeded(3) })
      const credentials = credentialsOf(suite.includes('RSA') ? 'rsa' : 'ec-p256')
      const server = { versions: ['1.2'], credentials, tickets, clientAuthentication: 'required', alpn: ['x'] } as const
      const client = {
        versions: ['1.2'],
        cipherSuites: [suite],
        credentials: credentialsOf('ec-p256', 'client'),
        alpn: ['x'],
      } as const
      const first = pairOf(client, server)
      record(first, 40_000, frames, lines)
      const { session } = first.client
      assert.ok(session, 'there is a session to resume')
      record(pairOf({ ...client, session, random: seeded(5) }, { ...server, random: seeded(6) }), 40_001, frames, lines)
      const keyLog = lines.join('\n')
      const compared = withFile(pcapOf(frames), (path) =>
        withFile(bytesOf(keyLog), (keys) => compare(path, keyLog, frames, ['-o', `tls.keylog_file:${keys}`], recordLayers12)),
      )
      assert.ok(compared > 250, `${String(compared)} fields were compared`)
    })
  }
})

/** Lets both talk over a line that is recorded: each turn one segment of TCP. */
function record({ client, server }: TlsPair, port: number, frames: CapturedFrame[], lines: string[]): void {
  client.tls.send(bytesOf('question'))
  server.tls.send(bytesOf('answer'))
  const sequence = { client: 1, server: 1 }
  for (let turn = 0; turn < 20; turn++) {
    if (turn === 10) client.tls.end()
    if (turn === 10) server.tls.end()
    for (const from of ['client', 'server'] as const) {
      const end = from === 'client' ? client : server
      const other = from === 'client' ? server : client
      end.drain(0)
      const bytes = end.taken()
      if (bytes.length === 0) continue
      frames.push({ number: frames.length + 1, time: frames.length, bytes: frameOf(from, port, sequence, bytes) })
      sequence[from] += bytes.length
      other.tls.handle(bytes, 0)
    }
  }
  assert.deepEqual([...server.data], [...bytesOf('question')])
  lines.push(...client.all('secret').map(({ line }) => line))
}

function frameOf(
  from: 'client' | 'server',
  port: number,
  sequence: { client: number; server: number },
  payload: Uint8Array,
): Uint8Array {
  const segment = new TcpSegment()
  const isClient = from === 'client'
  segment.sourcePort = isClient ? port : 443
  segment.destinationPort = isClient ? 443 : port
  segment.seq = sequence[from]
  segment.ack = isClient ? sequence.server : sequence.client
  segment.flags = TcpFlag.ACK | TcpFlag.PSH
  segment.window = 65_535
  segment.payload = payload
  const header = new Ipv4Header()
  header.source = isClient ? 0x0a000001 : 0x0a000002
  header.destination = isClient ? 0x0a000002 : 0x0a000001
  header.protocol = 6
  header.ttl = 64
  const bytes = new Uint8Array(14 + 20 + tcpEncodedLength(segment))
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0])
  const start = encodeIpv4(header, tcpEncodedLength(segment), bytes, 14)
  encodeTcp(segment, bytes, start, header.source, header.destination)
  return bytes
}

/** A classic capture file of Ethernet frames. */
function pcapOf(frames: readonly CapturedFrame[]): Uint8Array {
  const words = (...values: readonly number[]): Buffer => {
    const buffer = Buffer.alloc(4 * values.length)
    values.forEach((value, i) => buffer.writeUInt32LE(value, 4 * i))
    return buffer
  }
  const parts = [words(0xa1b2c3d4, 0x0004_0002, 0, 0, 0x4_0000, 1)]
  for (const { time, bytes } of frames) parts.push(words(0, time, bytes.length, bytes.length), Buffer.from(bytes))
  return new Uint8Array(Buffer.concat(parts))
}
