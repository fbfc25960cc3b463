import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Log, LOG_WIDTH, LogEntry, TraceLog } from '../../src/kernel/trace-log.ts'

test('entries survive the growth of the log, and are gone after clearing it', () => {
  const log = new TraceLog()
  for (let i = 1; i <= 1000; i++) log.fate(i, i * 10, 3, i + 1)
  assert.equal(log.length, 1000 * LOG_WIDTH)
  for (let i = 1; i <= 1000; i++) {
    const at = (i - 1) * LOG_WIDTH
    assert.deepEqual(
      [Log.Kind, Log.Time, Log.Id, Log.Fate, Log.FateAt].map((offset) => log.numbers[at + offset]),
      [LogEntry.Fate, i, i * 10, 3, i + 1],
    )
  }
  log.event(5, 6, 7, 'a:happened', 'x', { n: 1 })
  assert.equal(log.numbers[1000 * LOG_WIDTH + Log.Where], 0)
  assert.equal(log.numbers[1000 * LOG_WIDTH + Log.Cause], 7)
  assert.deepEqual(log.takeEvents(), [{ name: 'a:happened', connection: 'x', data: { n: 1 } }])
  log.clear()
  assert.deepEqual([log.length, log.frameCount, log.eventCount], [0, 0, 0])
})
