import { html, type TemplateResult } from 'lit'

const PIECE = /\*\*(.+?)\*\*|\*(.+?)\*|`([^`]+)`|\[([^\]]+)\]\(((?:https?:\/\/|#|\.{0,2}\/)[^\s)]*)\)/

/**
 * A sentence or two of Markdown: bold, emphasis, code, links to web pages. Everything else is text, markup too: it may come from
 * a file that somebody else wrote.
 */
export function inlineMarkdown(text: string): (TemplateResult | string)[] {
  const pieces: (TemplateResult | string)[] = []
  let rest = text
  for (let match = PIECE.exec(rest); match !== null; match = PIECE.exec(rest)) {
    const [whole, strong, emphasis, code, label, address] = match as (string | undefined)[]
    if (match.index > 0) pieces.push(rest.slice(0, match.index))
    if (strong !== undefined) pieces.push(html`<strong>${inlineMarkdown(strong)}</strong>`)
    else if (emphasis !== undefined) pieces.push(html`<em>${inlineMarkdown(emphasis)}</em>`)
    else if (code !== undefined) pieces.push(html`<code>${code}</code>`)
    else pieces.push(html`<a href=${address ?? ''} rel="noopener">${label}</a>`)
    rest = rest.slice(match.index + (whole?.length ?? 1))
  }
  if (rest !== '') pieces.push(rest)
  return pieces
}
