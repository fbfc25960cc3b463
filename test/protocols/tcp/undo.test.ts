import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RetransmissionLedger } from '../../../src/protocols/tcp/undo.ts'
import { MS } from '../../pair/tcp-pair.ts'

function episode(retransmissions: number, inFlight = 0): RetransmissionLedger {
  const ledger = new RetransmissionLedger()
  ledger.begin(1000, inFlight)
  for (let i = 0; i < retransmissions; i++) ledger.resent((50 + i) * MS)
  return ledger
}

test('RFC 2883: an episode was needless when each of its retransmissions was reported as a duplicate', () => {
  const ledger = episode(3)
  for (const end of [1100, 1200]) ledger.duplicateReported(end, 1)
  assert.equal(ledger.allReported, false)
  ledger.duplicateReported(1300, 1)
  assert.equal(ledger.allReported, true)
})

test('one report may cover several segments', () => {
  const ledger = episode(3)
  ledger.duplicateReported(1300, 3)
  assert.equal(ledger.allReported, true)
})

test('what was reported from before the episode, or before anything was sent again, does not count', () => {
  const ledger = episode(1)
  ledger.duplicateReported(1000, 1)
  assert.equal(ledger.allReported, false)
  const silent = episode(0)
  silent.duplicateReported(1100, 1)
  assert.equal(silent.allReported, false)
})

test('retransmissions that were on their way when the episode began have to be reported too', () => {
  const ledger = episode(1, 1)
  ledger.duplicateReported(1100, 1)
  assert.equal(ledger.allReported, false)
  ledger.duplicateReported(1200, 1)
  assert.equal(ledger.allReported, true)
})

test('RFC 3522 section 3.2: an echo from before the first retransmission proves that the first copy has arrived', () => {
  const ledger = episode(2)
  assert.deepEqual(
    [ledger.precedes(49), ledger.precedes(50), ledger.precedes(51), ledger.precedes(-1)],
    [true, false, false, false],
  )
  assert.equal(episode(0).precedes(10), false, 'nothing was sent again')
})

test('an episode that is over gives nothing back', () => {
  const ledger = episode(1)
  ledger.duplicateReported(1100, 1)
  ledger.end()
  assert.deepEqual([ledger.allReported, ledger.precedes(10)], [false, false])
})
