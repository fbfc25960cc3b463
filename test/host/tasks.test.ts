import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { raceTasks, TaskGroup, TaskScheduler, WaitQueue } from '../../src/host/tasks.ts'
import type { Blocking } from '../../src/host/socket.ts'

function group(): { scheduler: TaskScheduler; tasks: TaskGroup; failures: unknown[] } {
  const scheduler = new TaskScheduler()
  const failures: unknown[] = []
  return { scheduler, failures, tasks: new TaskGroup(scheduler, { taskFailed: (error) => failures.push(error) }) }
}

describe('coroutines', () => {
  test('tasks run in the order in which they became ready', () => {
    const { scheduler, tasks } = group()
    const log: string[] = []
    const gate = new WaitQueue()
    function* task(name: string): Blocking<void> {
      log.push(`${name} begins`)
      yield gate
      log.push(`${name} goes on`)
    }
    scheduler.hold()
    tasks.spawn(task('a'))
    tasks.spawn(task('b'))
    assert.deepEqual(log, [], 'nothing runs while the stack holds')
    scheduler.release()
    gate.wake()
    assert.deepEqual(log, ['a begins', 'b begins', 'a goes on', 'b goes on'])
  })

  test('a task that is woken by a running task waits for its turn', () => {
    const { tasks } = group()
    const log: string[] = []
    const gate = new WaitQueue()
    tasks.spawn(
      (function* () {
        yield gate
        log.push('woken')
      })(),
    )
    const start = new WaitQueue()
    tasks.spawn(
      (function* () {
        yield start
        gate.wake()
        log.push('waker')
      })(),
    )
    start.wake()
    assert.deepEqual(log, ['waker', 'woken'])
  })

  test('cancelling runs finally blocks, innermost first, and cuts their waits short', () => {
    const { tasks } = group()
    const log: string[] = []
    const never = new WaitQueue()
    function* inner(): Blocking<void> {
      try {
        yield never
      } finally {
        log.push('inner')
        yield never
        log.push('not reached')
      }
    }
    const task = tasks.spawn(
      (function* () {
        try {
          yield* inner()
        } finally {
          log.push('outer')
        }
      })(),
    )
    task.cancel()
    assert.deepEqual(log, ['inner', 'outer'])
    assert.equal(task.done, true)
    never.wake()
    assert.deepEqual(log, ['inner', 'outer'], 'nobody waits any more')
  })

  test('a task that cancels itself ends when it next waits', () => {
    const { tasks } = group()
    const log: string[] = []
    const never = new WaitQueue()
    const gate = new WaitQueue()
    function* body(): Blocking<void> {
      yield gate
      task.cancel()
      log.push('still here')
      yield never
      log.push('not reached')
    }
    const task = tasks.spawn(body())
    gate.wake()
    assert.deepEqual(log, ['still here'])
    assert.equal(task.done, true)
  })

  test('cancelling a group ends the youngest first; what is spawned into it later never begins', () => {
    const { tasks } = group()
    const log: string[] = []
    const never = new WaitQueue()
    for (const name of ['a', 'b', 'c']) {
      tasks.spawn(
        (function* () {
          try {
            yield never
          } finally {
            log.push(name)
          }
        })(),
      )
    }
    tasks.cancel()
    const late = tasks.spawn(
      (function* (): Blocking<void> {
        log.push('late')
        yield never
      })(),
    )
    assert.deepEqual(log, ['c', 'b', 'a'])
    assert.equal(late.done, true)
  })

  test('an error ends its task alone, and is told', () => {
    const { tasks, failures } = group()
    const gate = new WaitQueue()
    let survived = false
    tasks.spawn(
      (function* () {
        yield gate
        throw new Error('oh')
      })(),
    )
    tasks.spawn(
      (function* () {
        yield gate
        survived = true
      })(),
    )
    gate.wake()
    assert.equal(survived, true)
    assert.deepEqual(
      failures.map((error) => (error as Error).message),
      ['oh'],
    )
  })

  test('an error in a finally block of a cancelled task is told, too', () => {
    const { tasks, failures } = group()
    const task = tasks.spawn(
      (function* () {
        try {
          yield new WaitQueue()
        } finally {
          // eslint-disable-next-line no-unsafe-finally
          throw new Error('late')
        }
      })(),
    )
    task.cancel()
    assert.equal(failures.length, 1)
    assert.equal(task.done, true)
  })

  test('join waits for the end; a race tells who ended first', () => {
    const { tasks } = group()
    const log: string[] = []
    const gates = [new WaitQueue(), new WaitQueue()]
    const runners = gates.map((gate) =>
      tasks.spawn(
        (function* () {
          yield gate
        })(),
      ),
    )
    tasks.spawn(
      (function* () {
        const winner = yield* raceTasks(runners)
        log.push(`winner ${String(winner)}`)
        yield* runners[0].join()
        log.push('joined')
      })(),
    )
    gates[1].wake()
    assert.deepEqual(log, ['winner 1'])
    gates[0].wake()
    assert.deepEqual(log, ['winner 1', 'joined'])
  })

  test('a wait queue that is woken does not wake who left it meanwhile', () => {
    const { tasks } = group()
    const gate = new WaitQueue()
    const log: string[] = []
    function* first(): Blocking<void> {
      yield gate
      second.cancel()
    }
    tasks.spawn(first())
    const second = tasks.spawn(
      (function* (): Blocking<void> {
        yield gate
        log.push('not reached')
      })(),
    )
    gate.wake()
    assert.deepEqual(log, [])
  })
})
