import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { http1Layer } from '../../src/wire/http1.ts'
import { PcapngWriter } from '../../src/wire/pcapng.ts'
import { pair } from '../host/topologies.ts'
import type { World } from '../host/world.ts'
import { tshark, tsharkFields, withFile } from '../vectors/tshark.ts'
import { app, browser, page, resource, SECOND, server } from './site.ts'

const TYPES = [
  ...['text/html; charset=utf-8', 'text/css', 'text/javascript', 'text/plain', 'application/json', 'application/octet-stream'],
  ...['image/svg+xml', 'image/png', 'image/jpeg', 'image/webp', 'image/gif', 'font/woff2', 'text/xml', 'video/mp4'],
]
const RESOURCES = Object.fromEntries(
  TYPES.flatMap((type, i) =>
    [0, 5, 70, 20_000].map((size, j) => [`/${String(i)}-${String(size)}`, resource(size, { type, chunked: (i + j) % 2 === 0 })]),
  ),
)
const SITE = { '/': page(Object.keys(RESOURCES), { size: 6000 }), ...RESOURCES }

function capture(world: World): Uint8Array {
  const writer = new PcapngWriter()
  const card = writer.addInterface({ name: 'cable' })
  for (const { time, bytes } of world.frames) writer.addPacket({ interface: card, time, bytes })
  return writer.take()
}

describe('what Wireshark says of a page with every media type', () => {
  for (const [name, options] of [
    ['six connections', {}],
    ['one connection with pipelining', { connections: 1, pipelining: true }],
  ] as const) {
    test(`over ${name}: nothing is malformed, and it sees what we did`, () => {
      const world = pair(
        [browser('http://bob/', options), app('browser', { visits: [{ url: 'http://bob/post', at: 0, upload: 9000 }] })],
        server(SITE),
      )
      world.run(100 * SECOND)
      withFile(capture(world), (path) => {
        const wrong = '_ws.malformed || _ws.expert.severity >= 0x600000 || _ws.expert.group == 0x07000000'
        assert.equal(tshark(path, '-2', '-Y', wrong), '')
        const seen = tsharkFields(path, ['http.request.method', 'http.request.uri', 'http.response.code'], '-2', '-Y', 'http')
        const split = (column: number) => seen.flatMap((row) => row[column].split(',')).filter((value) => value !== '')
        const received = world
          .happened('http:request-received')
          .map(({ data }) => [data['method'], data['target']] as [string, string])
        assert.deepEqual(split(0).sort(), received.map(([method]) => method).sort())
        assert.deepEqual(split(1).sort(), received.map(([, target]) => target).sort())
        // Of responses that share a segment, it shows now and then too few, now and then one twice.
        if (!('pipelining' in options)) assert.equal(split(2).length, received.length)
      })
    })
  }

  test('the inspector shows each request where Wireshark does', () => {
    const world = pair(browser('http://bob/', { connections: 2 }), server(SITE)).run(100 * SECOND)
    const ours: string[][] = []
    world.frames.forEach(({ bytes }, index) => {
      if (bytes[12] !== 8 || bytes[13] !== 0 || bytes[23] !== 6) return
      const layer = http1Layer(bytes, 34 + (bytes[46] >> 4) * 4, 14 + bytes[16] * 256 + bytes[17])
      if (layer === undefined) return
      const values = (name: string) =>
        layer.fields
          .flatMap((field) => field.fields ?? [])
          .filter((field) => field.name === name)
          .map(({ value }) => value)
          .join()
      if (values('http.request.uri') !== '')
        ours.push([String(index + 1), values('http.request.method'), values('http.request.uri')])
    })
    withFile(capture(world), (path) => {
      const theirs = tsharkFields(path, ['frame.number', 'http.request.method', 'http.request.uri'], '-Y', 'http.request')
      assert.ok(theirs.length > 2)
      assert.deepEqual(ours, theirs)
    })
  })
})
