import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dissect } from '../../src/trace/dissect.ts'
import type { Field } from '../../src/wire/field.ts'
import { randomStream } from '../../src/kernel/random.ts'
import { respLayer } from '../../src/wire/resp-layer.ts'
import { textBytes } from '../../src/wire/resp-request.ts'
import { pair } from '../host/topologies.ts'
import { ip } from '../host/world.ts'
import { app, SECOND } from '../apps/site.ts'

function layer(text: string) {
  return respLayer(textBytes(text), 0, text.length)
}

/** Every field lies inside the one it is part of, behind the one before, and has bytes. */
function checkRanges(fields: readonly Field[], start: number, end: number): void {
  let at = start
  for (const each of fields) {
    assert.ok(each.start >= at && each.end > each.start && each.end <= end, `${each.name} in [${String(start)}, ${String(end)})`)
    if (each.fields !== undefined) checkRanges(each.fields, each.start, each.end)
    at = each.end
  }
}

test('commands and answers in a line', () => {
  assert.equal(layer('*3\r\n$7\r\nPUBLISH\r\n$4\r\nnews\r\n$5\r\nhello\r\n')?.summary, 'PUBLISH news hello')
  assert.equal(layer('+OK\r\n:3\r\n$-1\r\n-ERR no\r\n')?.summary, 'OK, 3, null, error ERR no')
  assert.equal(layer('%1\r\n+a\r\n*2\r\n:1\r\n#t\r\n')?.summary, 'a [1 t]')
  assert.equal(layer('>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$100\r\nabc')?.summary, 'message c abc')
})

test('what does not begin a value is none, and what goes on elsewhere is shown as far as it is there', () => {
  for (const text of ['', 'GET / HTTP/1.1\r\n', 'hello', '$x\r\n', '+OK']) assert.equal(layer(text), undefined, text)
  const cut = layer('*2\r\n$3\r\nGET\r\n$10\r\nabc')
  assert.equal(cut?.end, 21)
  assert.match(cut.fields[0].fields?.[2].value ?? '', /goes on in a later segment/)
  const behind = layer('+OK\r\nxyz')
  assert.equal(behind?.end, 5)
})

test('a frame of a conversation with a bus has the layer', () => {
  const world = pair(
    function* ({ sockets }) {
      const socket = yield* sockets.connect({ address: ip('10.0.0.2'), port: 6379 })
      yield* socket.write(textBytes('*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n'))
      yield* socket.read()
      socket.close()
    },
    app('redis-server', {}),
  ).run(SECOND)
  const summaries = world.frames.flatMap(({ bytes }) => {
    const last = dissect(bytes).at(-1)
    return last?.protocol === 'resp' ? [last.summary] : []
  })
  assert.deepEqual(summaries, ['ECHO hi', 'hi'])
})

test('100,000 mutated payloads: a layer whose fields lie inside it, or none', () => {
  const random = randomStream(1, 'resp-layer')
  const valid = textBytes(
    '*2\r\n$3\r\nGET\r\n%1\r\n+a\r\n~2\r\n:1\r\n#f\r\n>1\r\n$3\r\nabc\r\n|1\r\n+k\r\n,1.5\r\n_\r\n=7\r\ntxt:abc\r\n',
  )
  const signs = textBytes('*$+-:%~>|=!,(_#0129\r\n\0\xff')
  let layers = 0
  for (let i = 0; i < 100_000; i++) {
    const bytes = new Uint8Array(valid)
    for (let n = random.below(5); n > 0; n--) bytes[random.below(bytes.length)] = signs[random.below(signs.length)]
    const start = random.below(4) === 0 ? random.below(bytes.length) : 0
    const end = random.below(4) === 0 ? start + random.below(bytes.length - start) : bytes.length
    const found = respLayer(bytes, start, end)
    if (found === undefined) continue
    layers++
    assert.ok(found.start === start && found.end <= end, 'inside the payload')
    checkRanges(found.fields, start, found.end)
  }
  assert.ok(layers > 50_000, String(layers))
})
