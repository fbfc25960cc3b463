import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NEVER } from '../../../src/kernel/time.ts'
import { finish, sum } from '../../../src/wire/checksum.ts'
import { read16, write16 } from '../../../src/wire/integer.ts'
import { mutants } from '../../wire/mutants.ts'
import { noFailures, SECOND, type Body } from '../site.ts'
import { cluster, echoes, MODES, say } from './cluster.ts'

/** Makes the header of a mutant such that the balancer looks further: an IPv4 packet with a right checksum, if there is room for one. */
function plausible(bytes: Uint8Array, destination: Uint8Array): Uint8Array {
  if (bytes.length < 34) return bytes
  bytes.set(destination)
  const length = bytes.length - 14
  bytes[12] = 8
  bytes[13] = 0
  if (bytes[14] >> 4 !== 4) bytes[14] = 0x45
  if (read16(bytes, 16) > length) write16(bytes, 16, length)
  const headerEnd = Math.min(bytes.length, 14 + (bytes[14] & 15) * 4)
  write16(bytes, 24, 0)
  write16(bytes, 24, finish(sum(bytes, 14, headerEnd)))
  return bytes
}

describe('100,000 hostile packets', () => {
  for (const mode of MODES) {
    test(`mode ${mode}: none does harm, and none leaves anything behind`, () => {
      const heard: string[] = []
      const client: Body = function* (context) {
        for (let i = 0; i < 3; i++) heard.push(yield* say(context, 'hello '.repeat(400)))
      }
      const timeouts = { syn: SECOND, established: 2 * SECOND, fin: SECOND, closed: SECOND / 2 }
      const world = cluster({ mode, clients: [client], servers: [echoes('w0'), echoes('w1')], options: { timeouts } })
      world.run(10 * SECOND)
      const samples = world.frames.filter(({ bytes }) => bytes[23] === 6).map(({ bytes }) => bytes)
      const own = world.frames.find(({ from, port, bytes }) => from === 'lb' && port === 0 && read16(bytes, 12) === 0x0800)
      assert.ok(own !== undefined && samples.length > 20, 'there are packets to start from')
      // Errors of ICMP that quote them, too.
      const errors = samples.slice(0, 20).map((frame) => {
        const quoted = frame.subarray(14, Math.min(frame.length, 14 + 28))
        const error = new Uint8Array(42 + quoted.length)
        error.set(frame.subarray(0, 34))
        error.set([3, 4, 0, 0, 0, 0, 2, 0x58], 34)
        error.set(quoted, 42)
        error[23] = 1
        write16(error, 16, error.length - 14)
        write16(error, 36, finish(sum(error, 34, error.length)))
        return error
      })
      const towards = own.bytes.slice(6, 12)
      let now = 10 * SECOND
      for (const bytes of mutants([...samples, ...errors], 33_400, `l4-${mode}`)) {
        now += 10_000
        world.inject('lb', 0, plausible(bytes, towards), now)
      }
      world.run(now + SECOND)
      noFailures(world)
      assert.equal(world.happened('app:ended', 'lb').length, 0, 'the balancer goes on')
      world.run(now + 1000 * SECOND)
      assert.equal(world.engine('lb').nextTime, NEVER, 'nothing is left')
      assert.equal(heard.length, 3)
    })
  }
})
