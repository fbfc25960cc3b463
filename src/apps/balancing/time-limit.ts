import type { AppContext, Blocking } from '../../host/socket.ts'
import type { Nanos } from '../../kernel/time.ts'

/**
 * Does something that may take only so long. What it throws is thrown here.
 * @param limit 0: as long as it does
 * @param dispose what to do with what comes of it when nobody is there any more to take it
 * @returns undefined: it was ended, for its time was over
 */
export function* within<T>(
  context: AppContext,
  limit: Nanos,
  work: Blocking<T>,
  dispose: (value: T) => void = () => undefined,
): Blocking<{ readonly value: T } | undefined> {
  if (limit === 0) return { value: yield* work }
  let outcome: { readonly value: T } | undefined
  let failure: { readonly error: unknown } | undefined
  const task = context.spawn(
    (function* (): Blocking<void> {
      try {
        outcome = { value: yield* work }
      } catch (error) {
        failure = { error }
      }
    })(),
  )
  const alarm = context.spawn(context.sleep(limit))
  let isTaken = false
  try {
    yield* context.race([task, alarm])
    isTaken = true
  } finally {
    alarm.cancel()
    task.cancel()
    if (!isTaken && outcome !== undefined) dispose(outcome.value)
  }
  if (failure !== undefined) throw failure.error
  return outcome
}
