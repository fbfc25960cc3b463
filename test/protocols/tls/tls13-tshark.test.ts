import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { TlsTickets } from '../../../src/protocols/tls/tickets.ts'
import { tsharkFields } from '../../vectors/tshark.ts'
import { bytesOf, give, pairOf, SECOND, seeded, talk } from './tls-pair.ts'
import type { TlsPair } from './tls-pair.ts'

// Wireshark reads what was said between two ends, with nothing but the lines of their key log.

const folder = mkdtempSync(join(tmpdir(), 'packetarium-tls13-'))
after(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** A stream as text2pcap wants it: who says it, then lines of offsets and bytes. A piece fits into a packet. */
function hexDump(direction: 'I' | 'O', bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 1400) {
    const digits = Buffer.from(bytes.subarray(at, at + 1400))
      .toString('hex')
      .replace(/../g, ' $&')
    text += `${direction}\n000000${digits}\n`
  }
  return text
}

/** Two requests, a response, keys changed both ways between them, and the end. @returns what tshark made of each packet */
function readByTshark(pair: TlsPair): string[][] {
  let dump = ''
  const go = (): void => {
    for (;;) {
      pair.client.drain(SECOND)
      pair.server.drain(SECOND)
      const [toServer, toClient] = [pair.client.taken(), pair.server.taken()]
      if (toServer.length === 0 && toClient.length === 0) return
      dump += hexDump('O', toServer) + hexDump('I', toClient)
      give(pair.server, toServer, SECOND)
      give(pair.client, toClient, SECOND)
    }
  }
  go()
  pair.client.tls.send(bytesOf('GET /one HTTP/1.1\r\nHost: bob\r\n\r\n'))
  go()
  pair.server.tls.updateKeys(true)
  pair.server.tls.send(bytesOf('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  go()
  pair.client.tls.send(bytesOf('GET /two HTTP/1.1\r\nHost: bob\r\n\r\n'))
  go()
  pair.client.tls.end()
  pair.server.tls.end()
  go()
  assert.equal(pair.client.fault ?? pair.server.fault, undefined)
  const [text, capture, keys] = ['dump.txt', 'dump.pcap', 'keys.txt'].map((name) => join(folder, name))
  writeFileSync(text, dump)
  writeFileSync(
    keys,
    pair.client
      .all('secret')
      .map(({ line }) => `${line}\n`)
      .join(''),
  )
  execFileSync('text2pcap', ['-q', '-D', '-T', '443,40000', text, capture], { stdio: 'ignore' })
  const fields = ['tls.handshake.type', 'http.request.uri', 'http.response.code', 'tls.alert_message.desc', '_ws.malformed']
  return tsharkFields(capture, fields, '-d', 'tcp.port==443,tls', '-o', `tls.keylog_file:${keys}`, '-Y', 'tls')
}

/** All values of one field, in order. */
function column(rows: readonly string[][], index: number): string {
  return rows.flatMap((row) => (row[index] ? [row[index]] : [])).join(' ')
}

describe('tshark decrypts everything', () => {
  const tickets = new TlsTickets({ random: seeded(3) })
  const first = pairOf({}, { tickets, maxEarlyData: 1000 })
  talk(first)
  const { session } = first.client
  assert.ok(session, 'there is a ticket')
  const early = bytesOf('GET /early HTTP/1.1\r\nHost: bob\r\n\r\n')
  const cases: Readonly<Record<string, readonly [pair: TlsPair, handshake: string, requests: string]>> = {
    'a cookie, another group, and padding': [
      pairOf({ padding: 64 }, { groups: ['secp256r1'], alwaysRetry: true }),
      '1 2 1 2,8,11,15,20 20 24 24',
      '/one /two',
    ],
    'early data, accepted': [
      pairOf({ session, earlyData: early }, { tickets, maxEarlyData: 1000 }),
      '1 2,8,20 5,20 4,4 24 24',
      '/early /one /two',
    ],
    'AES-256, and a hybrid key exchange in a ClientHello of two packets': [
      pairOf({ groups: ['X25519MLKEM768', 'x25519'], cipherSuites: ['TLS_AES_256_GCM_SHA384'] }, { groups: ['X25519MLKEM768'] }),
      '1 2 8,11,15,20 20 24 24',
      '/one /two',
    ],
  }
  for (const [says, [pair, handshake, requests]] of Object.entries(cases)) {
    test(says, () => {
      const rows = readByTshark(pair)
      assert.equal(column(rows, 0), handshake)
      assert.equal(column(rows, 1), requests)
      assert.equal(column(rows, 2), '200')
      assert.equal(column(rows, 3), '0 0')
      assert.equal(column(rows, 4), '')
    })
  }
})
