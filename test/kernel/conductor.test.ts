import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Conductor } from '../../src/kernel/conductor.ts'
import { NEVER } from '../../src/kernel/time.ts'

test('time is granted up to the earliest event plus the smallest delay, and never beyond the limit', () => {
  const conductor = new Conductor(3, 10)
  conductor.report(0, 100)
  conductor.report(1, 105)
  assert.equal(conductor.grant(1000), 110)
  assert.equal(conductor.grant(107), 107)
  assert.deepEqual(conductor.hostsWithWork(110), [0, 1])
  assert.deepEqual(conductor.hostsWithWork(105), [0])
  conductor.reached(110)
  assert.equal(conductor.horizon, 110)
})

test('with nothing pending before the limit the horizon is there; it never goes back', () => {
  const conductor = new Conductor(2, 10)
  assert.equal(conductor.grant(500), undefined)
  assert.equal(conductor.horizon, 500)
  assert.equal(conductor.grant(400), undefined)
  assert.equal(conductor.horizon, 500)
  conductor.report(0, 600)
  assert.equal(conductor.grant(600), undefined)
  assert.equal(conductor.horizon, 600)
})

test('a run without end does not move the horizon to the end of time', () => {
  const conductor = new Conductor(1, NEVER)
  assert.equal(conductor.grant(NEVER), undefined)
  assert.equal(conductor.horizon, 0)
})

test('a frame on its way is work for its receiver; a later one does not put off an earlier one', () => {
  const conductor = new Conductor(2, 10)
  conductor.report(1, 300)
  conductor.expect(1, 200)
  conductor.expect(1, 250)
  assert.equal(conductor.earliest, 200)
  assert.deepEqual(conductor.hostsWithWork(201), [1])
  assert.deepEqual(conductor.hostsWithWork(200), [])
  conductor.report(1, NEVER)
  assert.equal(conductor.earliest, NEVER)
})

test('hosts without links are granted all there is', () => {
  const conductor = new Conductor(1, NEVER)
  conductor.report(0, 5)
  assert.equal(conductor.grant(1e15), 1e15)
})

test('of any number of hosts, in any order of reports, the earliest is known, and who has work', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), fc.array(fc.tuple(fc.nat(), fc.nat(100))), (hosts, reports) => {
      const conductor = new Conductor(hosts, 10)
      const next = new Array<number>(hosts).fill(NEVER)
      for (const [number, time] of reports) {
        const host = number % hosts
        if (time % 3 === 0) {
          conductor.expect(host, time)
          next[host] = Math.min(next[host], time)
        } else {
          next[host] = time % 7 === 1 ? NEVER : time
          conductor.report(host, next[host])
        }
        assert.equal(conductor.earliest, Math.min(...next))
      }
      const working = next.flatMap((time, host) => (time < 50 ? [host] : []))
      assert.deepEqual(conductor.hostsWithWork(50), working)
    }),
    { seed: 1 },
  )
})
