import { html, nothing, type TemplateResult } from 'lit'
import type { Run } from '../../src/run/run.ts'
import { icon } from '../icons.ts'
import type { Notice } from '../intervene.ts'
import type { ListedScenario } from './engine.ts'
import { poster } from './poster.ts'
import type { OpenedScenario } from './engine.ts'

/** What is shown while there is no run. */
export function placeholder(opened: OpenedScenario | undefined): TemplateResult {
  return html`<div class="placeholder" role="status">
    ${opened === undefined ? 'Setting up the network …' : poster(opened.scenario)}
  </div>`
}

/** Why there is no run, and what could be run instead. */
export function problemPage(
  problem: string,
  list: readonly ListedScenario[],
  choose: (scenario: ListedScenario) => void,
): TemplateResult {
  return html`<div class="problem">
    <p class="notice error" role="alert">${icon('warning')} ${problem}</p>
    ${
      list.length === 0
        ? nothing
        : html`<h3>Scenarios</h3>
            <ul>
              ${list.map(
                (scenario) =>
                  html`<li>
                    <button
                      class="link"
                      @click=${() => {
                        choose(scenario)
                      }}
                    >
                      ${scenario.title}
                    </button>
                    <small>${scenario.summary}</small>
                  </li>`,
              )}
            </ul>`
    }
  </div>`
}

/** What the tools of the header do. */
export interface HeaderTools {
  readonly projector: boolean
  /** Whose captures are offered: one of two runs, or the run. */
  readonly captured: Run
  readonly startOver: () => void
  readonly share: () => void
  readonly toggleFullscreen: () => void
  readonly showHelp: () => void
}

export function header(run: Run, tools: HeaderTools): TemplateResult {
  const loading = run.state === 'loading'
  const tool = (label: string, name: Parameters<typeof icon>[0], act: () => void, disabled = false): TemplateResult =>
    html`<button class="quiet only-icon" title=${label} aria-label=${label} ?disabled=${disabled} @click=${act}>
      ${icon(name)}
    </button>`
  return html`<div class="header" part="header">
    <h2>${run.scenario.title}</h2>
    <div class="tools" role="group" aria-label="Tools">
      ${tool('Start over', 'restart', tools.startOver, loading)}
      <packet-run-scope .run=${tools.captured}><packet-capture-menu></packet-capture-menu></packet-run-scope>
      ${tool('Copy a link to this', 'share', tools.share, loading)}
      ${tool(tools.projector ? 'Leave full screen' : 'Full screen', tools.projector ? 'minimize' : 'fullscreen', tools.toggleFullscreen)}
      <span class="of-keyboard">${tool('Keyboard shortcuts', 'keyboard', tools.showHelp)}</span>
    </div>
  </div>`
}

/** What there is to tell the reader: that the run broke, or the last notice. */
export function notices(run: Run, last: Notice | undefined, startOver: () => void, dismiss: () => void): TemplateResult {
  const failed: Notice | undefined =
    run.state === 'failed' ? { kind: 'error', text: run.failure ?? 'The network broke down.' } : undefined
  const notice = failed ?? last
  return html`<div class="notices" aria-live="polite">
    ${
      notice === undefined
        ? nothing
        : html`<div class="notice ${notice.kind}" role=${notice.kind === 'error' ? 'alert' : 'status'}>
            ${icon(notice.kind === 'error' ? 'warning' : 'check')}
            <p>${notice.text}</p>
            ${
              failed === undefined
                ? html`<button class="quiet only-icon" aria-label="Dismiss" @click=${dismiss}>${icon('close')}</button>`
                : html`<button @click=${startOver}>Start over</button>`
            }
          </div>`
    }
  </div>`
}
