import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EventQueue } from '../../src/kernel/event-queue.ts'
import type { Happening } from '../../src/kernel/happening.ts'
import { randomStream } from '../../src/kernel/random.ts'
import { NEVER } from '../../src/kernel/time.ts'

class Entry implements Happening {
  cancelled = false
  constructor(
    readonly time: number,
    readonly id: number,
  ) {}
  fire(): void {
    // Only its place in the queue matters here.
  }
}

test('an empty queue has nothing to give', () => {
  const queue = new EventQueue()
  assert.equal(queue.nextTime, NEVER)
  assert.equal(queue.pop(), undefined)
  assert.equal(queue.size, 0)
})

test('events come in the order of time, and of ids at the same time, however they were put in', () => {
  const queue = new EventQueue()
  const entries = [
    [5, 1],
    [3, 9],
    [5, 0],
    [3, 2],
    [4, 2 ** 50],
    [3, 8],
  ].map(([time, id]) => new Entry(time, id))
  for (const entry of entries) queue.push(entry.time, entry.id, entry)
  const order: unknown[] = []
  while (queue.size > 0) order.push(queue.pop())
  assert.deepEqual(order, [entries[3], entries[5], entries[1], entries[4], entries[2], entries[0]])
})

test('cancelled events are forgotten when they are next, and only then', () => {
  const queue = new EventQueue()
  const [first, second, third] = [1, 2, 3].map((time) => new Entry(time, time))
  for (const entry of [first, second, third]) queue.push(entry.time, entry.id, entry)
  first.cancelled = true
  second.cancelled = true
  assert.equal(queue.size, 3)
  assert.equal(queue.nextTime, 3)
  assert.equal(queue.size, 1)
  assert.equal(queue.pop(), third)
})

test('any mix of pushes, pops and cancellations behaves as a sorted list', () => {
  const command = fc.oneof(
    { weight: 4, arbitrary: fc.record({ push: fc.integer({ min: 0, max: 50 }) }) },
    { weight: 3, arbitrary: fc.constant('pop' as const) },
    { weight: 1, arbitrary: fc.record({ cancel: fc.nat(200) }) },
  )
  fc.assert(
    fc.property(fc.array(command, { maxLength: 400 }), fc.boolean(), (commands, ascending) => {
      const queue = new EventQueue()
      const model: Entry[] = []
      commands.forEach((step, index) => {
        if (step === 'pop') {
          const waiting = model.filter((entry) => !entry.cancelled).sort((a, b) => a.time - b.time || a.id - b.id)
          assert.equal(queue.nextTime, waiting[0]?.time ?? NEVER)
          const popped = queue.pop()
          assert.equal(popped, waiting[0])
          if (popped !== undefined) model.splice(model.indexOf(popped), 1)
        } else if ('push' in step) {
          const entry = new Entry(step.push, ascending ? index : 1000 - index)
          queue.push(entry.time, entry.id, entry)
          model.push(entry)
        } else if (model.length > 0) {
          model[step.cancel % model.length].cancelled = true
        }
      })
      const visited = new Set<Happening>()
      queue.forEach((entry) => visited.add(entry))
      for (const entry of model) if (!entry.cancelled) assert.equal(visited.has(entry), true)
      assert.equal(visited.size === queue.size, true)
    }),
    { seed: 4, numRuns: 300 },
  )
})

test('thousands of events, at once and seconds ahead, come in order whatever is put in, moved and cancelled meanwhile', () => {
  const S = 1e9
  const random = randomStream(11, 'queue')
  for (const longest of [1, 5e6, S, 3 * S, 600 * S]) {
    const queue = new EventQueue()
    const pending = new Set<Entry>()
    let now = 0
    let id = 0
    const push = (time: number): void => {
      const entry = new Entry(time, ++id)
      queue.push(time, entry.id, entry)
      pending.add(entry)
    }
    for (let i = 0; i < 2000; i++) push(random.below(longest))
    let last: Entry | undefined
    for (let i = 0; i < 30_000; i++) {
      const entry = queue.takeBefore(Infinity) as Entry
      assert.ok(last === undefined || last.time < entry.time || (last.time === entry.time && last.id < entry.id))
      assert.ok(pending.delete(entry) && !entry.cancelled)
      assert.equal(queue.takenTime, entry.time)
      last = entry
      now = entry.time
      // Now and then one comes after a pause in which there is next to nothing, and sometimes at this very moment.
      if (i < 20_000) push(now + (i % 100 === 0 ? 0 : random.below(longest)))
      if (i % 7 === 0) {
        const other = pending.values().next().value
        if (other !== undefined) {
          other.cancelled = true
          pending.delete(other)
        }
      }
      if (queue.nextTime === NEVER) break
    }
    assert.equal(queue.nextTime, NEVER)
    assert.deepEqual([queue.size, pending.size], [0, 0], `up to ${String(longest)} ns ahead`)
    // And it goes on from there.
    push(now + 2 * longest)
    push(now + longest)
    assert.deepEqual([queue.nextTime, (queue.pop() as Entry).time, queue.size], [now + longest, now + longest, 1])
  }
})

test('an event before all others is the next one, also when the others are far ahead', () => {
  const queue = new EventQueue()
  for (let id = 0; id < 1000; id++) queue.push(1e12 + id, id, new Entry(1e12 + id, id))
  assert.equal(queue.nextTime, 1e12)
  queue.push(5e11, 2000, new Entry(5e11, 2000))
  assert.equal(queue.takeBefore(5e11), undefined)
  assert.equal((queue.takeBefore(1e12) as Entry).id, 2000)
  assert.equal((queue.pop() as Entry).id, 0)
})

test('a queue that grew large and was emptied holds on to nothing', () => {
  const queue = new EventQueue()
  for (let i = 0; i < 5000; i++) queue.push((i * 7919) % 5000, i, new Entry((i * 7919) % 5000, i))
  let last = -1
  for (let i = 0; i < 5000; i++) {
    const { time } = queue.pop() as Entry
    assert.equal(time >= last, true)
    last = time
  }
  assert.equal(queue.pop(), undefined)
  queue.forEach(() => assert.fail('something is left'))
})
