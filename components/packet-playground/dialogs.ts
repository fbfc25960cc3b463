import { html, type TemplateResult } from 'lit'
import { icon } from '../icons.ts'
import type { Shortcut } from './shortcuts.ts'

const close = (event: Event): void => {
  ;(event.target as Element).closest('dialog')?.close()
}

/** Click on the backdrop, which is the dialog itself and nothing in it. */
const closeOutside = (event: Event): void => {
  if (event.target instanceof HTMLDialogElement) event.target.close()
}

function frame(id: string, title: string, content: TemplateResult): TemplateResult {
  return html`<dialog id=${id} aria-labelledby="${id}-title" @click=${closeOutside}>
    <div>
      <div class="header">
        <h2 id="${id}-title">${title}</h2>
        <button class="quiet only-icon" aria-label="Close" @click=${close}>${icon('close')}</button>
      </div>
      ${content}
    </div>
  </dialog>`
}

/** The list of keyboard shortcuts. */
export function helpDialog(shortcuts: readonly Shortcut[]): TemplateResult {
  return frame(
    'help',
    'Keyboard',
    html`<dl>
        ${shortcuts.map(
          ({ shown, says }) =>
            html`<dt><kbd>${shown}</kbd></dt>
              <dd>${says}</dd>`,
        )}
      </dl>
      <p>
        On the stage, the arrow keys go from one packet, link or host to the next, and Enter does what a click does. In the list
        of packets, Enter opens a packet and Delete drops it.
      </p>`,
  )
}

/** A link to be copied by hand. */
export function linkDialog(address: string): TemplateResult {
  return frame(
    'share',
    'Copy this link',
    html`<input
      type="text"
      readonly
      aria-label="Link"
      .value=${address}
      @focus=${(event: Event) => {
        ;(event.target as HTMLInputElement).select()
      }}
    />`,
  )
}
