import { writeInterventions } from '../scenario/intervention-json.ts'
import { formatCount, formatTime, formatUnit } from '../scenario/units.ts'
import type { RunOutcome } from './engine.ts'
import type { ClaimVerdict } from '../scenario/claims.ts'
import type { WrittenIntervention } from '../scenario/intervention-json.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'
import type { EventRecord, TraceView } from '../trace/record.ts'

/** A run as one object, for `--json`. */
export interface RunReport {
  readonly scenario: string
  readonly seed: number
  readonly simulatedSeconds: number
  readonly frames: number
  /** By reason. */
  readonly framesLost: Readonly<Record<string, number>>
  readonly packetHops: number
  readonly wallSeconds: number
  readonly claims: readonly ClaimVerdict[]
  /** Of the capture that `--capture` chooses, hexadecimal. */
  readonly captureSha256: string
  /** Interventions that could not be carried out, with the reason; absent when all were. */
  readonly refusedInterventions?: readonly { readonly intervention: WrittenIntervention; readonly why: string }[]
  /** Why the run was stopped early; absent when it was not. */
  readonly overBudget?: string
}

export function reportOf(
  scenario: ResolvedScenario,
  outcome: RunOutcome,
  more: { readonly claims: readonly ClaimVerdict[]; readonly wallSeconds: number; readonly captureSha256: string },
): RunReport {
  const refused = outcome.refused.map(({ intervention, why }) => ({
    intervention: writeInterventions([intervention], scenario)[0] ?? {},
    why,
  }))
  return {
    scenario: scenario.id,
    seed: scenario.seed,
    simulatedSeconds: outcome.simulatedTime / 1e9,
    frames: outcome.frames,
    framesLost: outcome.framesLost,
    packetHops: outcome.packetHops,
    wallSeconds: more.wallSeconds,
    claims: more.claims,
    captureSha256: more.captureSha256,
    ...(refused.length === 0 ? {} : { refusedInterventions: refused }),
    ...(outcome.overBudget === undefined ? {} : { overBudget: outcome.overBudget }),
  }
}

export interface WrittenFile {
  readonly path: string
  readonly bytes: number
}

/** The same for people. */
export function formatReport(scenario: ResolvedScenario, report: RunReport, files: readonly WrittenFile[]): string {
  const lost = Object.entries(report.framesLost)
  const total = lost.reduce((sum, [, count]) => sum + count, 0)
  const reasons = lost.map(([reason, count]) => `${formatCount(count)} ${reason}`).join(', ')
  const rows: [string, string][] = [
    [
      'simulated',
      `${formatTime(Math.round(report.simulatedSeconds * 1e9))}, in ${formatTime(Math.round(report.wallSeconds * 1e9))} of real time`,
    ],
    ['frames', `${formatCount(report.frames)}, ${total === 0 ? 'none lost' : `${formatCount(total)} lost: ${reasons}`}`],
    ['packet-hops', formatCount(report.packetHops)],
    ['capture', `sha256 ${report.captureSha256}`],
    ...(report.refusedInterventions ?? []).map(({ intervention, why }): [string, string] => [
      'not done',
      `${JSON.stringify(intervention)}: ${why}`,
    ]),
    ...files.map(({ path, bytes }): [string, string] => ['written', `${path}, ${formatUnit('bytes', bytes)}`]),
  ]
  const lines = [`${scenario.title} (${scenario.id}, seed ${String(scenario.seed)})`, '', ...alignRows(rows)]
  if (report.claims.length > 0) lines.push('', ...report.claims.flatMap(claimLines))
  return `${lines.join('\n')}\n`
}

function claimLines({ says, cites, holds, evidence }: ClaimVerdict): string[] {
  return [`  ${holds ? '✓' : '✗'} ${says}${cites === '' ? '' : ` (${cites})`}`, `    ${evidence}`]
}

/** Two columns, indented. */
export function alignRows(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd())
}

/** Any number of columns, indented, under a head; those of numbers to the right. */
export function alignColumns(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows]
  const columns = head.map((_, index) => ({
    width: Math.max(...all.map((row) => row[index].length)),
    isNumeric: rows.every((row) => /^[\d.]*$/.test(row[index])),
  }))
  const aligned = (text: string, index: number): string => {
    const { width, isNumeric } = columns[index]
    return isNumeric ? text.padStart(width) : text.padEnd(width)
  }
  return all.map((row) => `  ${row.map(aligned).join('  ')}`.trimEnd())
}

/** All events, one JSON object a line. Times in nanoseconds; `host` is null for what a person did. */
export function formatEvents(trace: TraceView): string {
  const line = ({ id, time, host, name, connection, data, cause }: EventRecord): string =>
    `${JSON.stringify({ time, host: trace.hosts[host] ?? null, name, connection, data, id, cause })}\n`
  return trace.events.map(line).join('')
}
