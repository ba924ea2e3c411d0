/** The panel's icon: learning curves. */
import { LabIcon } from '@jupyterlab/ui-components';

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 22 22">
  <g class="jp-icon3" fill="none" stroke="#616161" stroke-width="2" stroke-linecap="round">
    <path d="M3 3v16h16"/>
    <path d="M6 15c3-8 6-9 13-9.500"/>
    <path d="M6 16.500c4-4 8-5 13-5.500" stroke-width="1.200"/>
  </g>
</svg>`;

export const tuneIcon = new LabIcon({ name: 'tunemagic:curves', svgstr: SVG });
