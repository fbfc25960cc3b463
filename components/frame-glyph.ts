import { css, html, svg, type TemplateResult } from 'lit'
import { FrameMark, type FrameRecord } from '../src/trace/record.ts'
import { GLYPHS, svgPath } from './packet-stage/glyphs.ts'
import { flowIndex } from './theme.ts'

const paths = new Map<FrameRecord['kind'], string>()

function pathOf(kind: FrameRecord['kind']): string {
  let path = paths.get(kind)
  if (path === undefined) {
    path = svgPath(GLYPHS[kind].outlines)
    paths.set(kind, path)
  }
  return path
}

export const frameGlyphStyles = css`
  .glyph {
    flex: none;
    width: 2em;
    height: 1.4em;
    overflow: visible;
  }
`

/**
 * A frame as the stage draws it: shape by kind, colour by connection or stream, a rim when it was sent again, crossed out when it was
 * lost. Decoration: say the same in words beside it.
 * @param flow what its colour stands for, of `FrameFlows.flowOf`
 */
export function frameGlyph(frame: Pick<FrameRecord, 'kind' | 'mark'>, lost: boolean, flow: number): TemplateResult {
  const again = (frame.mark & FrameMark.Retransmission) !== 0
  const { length, height } = GLYPHS[frame.kind]
  const colour = `var(--pk-flow-${String(flowIndex(flow))})`
  return html`<svg class="glyph" viewBox="-16 -11 32 22" aria-hidden="true">
    <path d=${pathOf(frame.kind)} fill=${colour} fill-rule="evenodd" opacity=${lost ? 0.45 : 1}></path>
    ${
      again
        ? svg`<rect x=${-length / 2 - 3} y=${-height / 2 - 3} width=${length + 6} height=${height + 6} rx="6"
            fill="none" stroke=${colour} stroke-width="1.6"></rect>`
        : ''
    }
    ${lost ? svg`<path d="M-7 -7L7 7M-7 7L7 -7" stroke="var(--pk-lost)" stroke-width="3" stroke-linecap="round"></path>` : ''}
  </svg>`
}
