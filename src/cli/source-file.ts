import { UsageError } from './context.ts'
import { loadScenario } from '../scenario/catalog.ts'
import { ScenarioError } from '../scenario/errors.ts'
import type { CliContext } from './context.ts'

/** Reasons of Node's file system, in words. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EEXIST: 'there is a file of that name',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is no directory',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left',
  EFBIG: 'it is too large',
}

/** Whether an argument names a file rather than a scenario of the list. */
export function isFile(argument: string): boolean {
  return argument.endsWith('.json') || argument.includes('/') || argument.includes('\\')
}

/**
 * The source of the scenario that an argument names: of the list, or in a file.
 * @throws UsageError or ScenarioError
 */
export async function readScenario(argument: string, context: CliContext): Promise<unknown> {
  return isFile(argument) ? readJson(argument, context) : loadScenario(context.catalog, argument)
}

/** @throws UsageError when the file cannot be read or is no JSON; says where it breaks */
export async function readJson(path: string, context: CliContext): Promise<unknown> {
  let text: string
  try {
    text = await context.readFile(path)
  } catch (error) {
    throw new UsageError(`${path}: cannot be read: ${reasonOf(error)}`)
  }
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new UsageError(`${path}: found no valid JSON${placeOf(error.message, text)}; allowed: a JSON file`)
  }
}

/** @throws UsageError when it cannot be written */
export async function writeResult(path: string, content: string | Uint8Array, context: CliContext): Promise<void> {
  try {
    await context.writeFile(path, content)
  } catch (error) {
    throw new UsageError(`${path}: cannot be written: ${reasonOf(error)}`)
  }
}

/** @throws UsageError when it cannot be made */
export async function makeFolder(path: string, context: CliContext): Promise<void> {
  try {
    await context.makeFolder(path)
  } catch (error) {
    throw new UsageError(`${path}: cannot be made: ${reasonOf(error)}`)
  }
}

/** Runs something on a file's content, so that errors name the file. */
export function within<Result>(argument: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (error instanceof ScenarioError) throw new UsageError(`${argument}: ${error.message}`)
    throw error
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return REASONS[code] ?? (error instanceof Error ? error.message : String(error))
}

/** ` at line 3, column 5`, from the position that the parser's message gives; '' when it gives none. */
function placeOf(message: string, text: string): string {
  const position = /at position (\d+)/.exec(message)?.[1]
  const offset = position === undefined ? (message.includes('end of JSON') ? text.length : undefined) : Number(position)
  if (offset === undefined) return ''
  const before = text.slice(0, offset).split('\n')
  return ` at line ${String(before.length)}, column ${String((before[before.length - 1]?.length ?? 0) + 1)}`
}
