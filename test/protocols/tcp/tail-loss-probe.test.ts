import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TailLossProbe } from '../../../src/protocols/tcp/tail-loss-probe.ts'
import { MS } from '../../pair/tcp-pair.ts'

test('RFC 8985 section 7.2: twice the smoothed time; 200 ms more for a single segment; a second before the first measurement', () => {
  const probe = new TailLossProbe()
  assert.deepEqual(
    [probe.timeout(30 * MS, false), probe.timeout(30 * MS, true), probe.timeout(-1, true)],
    [60 * MS, 260 * MS, 1000 * MS],
  )
})

const out = (isRetransmission: boolean): TailLossProbe => {
  const probe = new TailLossProbe()
  probe.sent(5001, isRetransmission)
  return probe
}

test('RFC 8985 section 7.4: what is acknowledged below the probe says nothing', () => {
  const probe = out(true)
  assert.deepEqual([probe.acknowledged(4001, -1, true), probe.isOut], [false, true])
})

test('RFC 8985 section 7.4: a probe of new data that is acknowledged shows no loss', () => {
  const probe = out(false)
  assert.deepEqual([probe.acknowledged(5001, -1, false), probe.isOut], [false, false])
})

test('RFC 8985 section 7.4, case 1: the report of the probe as a duplicate', () => {
  const probe = out(true)
  assert.deepEqual([probe.acknowledged(5001, 4001, false), probe.isOut], [false, true], 'of something else')
  assert.deepEqual([probe.acknowledged(5001, 5001, false), probe.isOut], [false, false])
})

test('RFC 8985 section 7.4, case 2: a repetition without SACK, as of a peer that reports no duplicates', () => {
  const probe = out(true)
  assert.deepEqual(
    [probe.acknowledged(5001, -1, false), probe.isOut],
    [false, true],
    'the first acknowledgment: one copy has come',
  )
  assert.deepEqual([probe.acknowledged(5001, -1, true), probe.isOut], [false, false], 'the second: the other')
})

test('RFC 8985 section 7.4, case 3: new data is acknowledged, and nobody has seen two copies: a loss was repaired', () => {
  const probe = out(true)
  probe.acknowledged(5001, -1, false)
  assert.deepEqual([probe.acknowledged(6001, -1, false), probe.isOut], [true, false])
})

test('a recovery that begins makes the outcome of a probe meaningless', () => {
  const probe = out(true)
  probe.due = true
  probe.forget()
  assert.deepEqual([probe.due, probe.isOut, probe.acknowledged(6001, -1, false)], [false, false, false])
})
