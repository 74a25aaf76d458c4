/** How the page of the HTTP API looks: in the colours of the dashboard, light and dark. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --text: light-dark(#1c2330, #dfe5ee); --faint: light-dark(#5b6675, #98a3b3);
  --ground: light-dark(#fff, #12161d); --sunken: light-dark(#f3f5f8, #1a2029); --line: light-dark(#dde2e9, #2a323e);
  --link: light-dark(#1f5fbf, #85b4ff); --get: light-dark(#1a6b3c, #6fd39a); --put: light-dark(#7a5200, #e5b95c);
  --post: light-dark(#1f5fbf, #85b4ff); --delete: light-dark(#a8262b, #ff8d8d); }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; font: 15px/1.55 system-ui, sans-serif; color: var(--text); background: var(--ground);
  display: grid; grid-template-columns: 17rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.2rem; background: var(--sunken);
  border-right: 1px solid var(--line); font-size: 13px; }
nav ul { list-style: none; margin: 0 0 0.4rem; padding: 0; }
nav li a { display: flex; gap: 0.5rem; padding: 2px 0; overflow-wrap: anywhere; }
nav summary { cursor: pointer; font-weight: 600; padding: 3px 0; text-transform: capitalize; }
main { padding: 1.6rem 2rem 6rem; max-width: 62rem; }
a { color: var(--link); text-decoration: none; }
a:hover, a:focus { text-decoration: underline; }
h1 { font-size: 1.7rem; margin: 0 0 0.4rem; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 0.4rem; padding-top: 1rem; border-top: 2px solid var(--line);
  text-transform: capitalize; }
h3 { font-size: 1rem; margin: 2rem 0 0.3rem; overflow-wrap: anywhere; }
p { margin: 0.4rem 0; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
code { background: var(--sunken); border-radius: 4px; padding: 0 3px; }
pre { background: var(--sunken); border: 1px solid var(--line); border-radius: 6px; padding: 0.6rem 0.8rem;
  overflow-x: auto; }
pre code, h3 code { background: none; padding: 0; }
table { border-collapse: collapse; width: 100%; margin: 0.7rem 0; font-size: 14px; table-layout: fixed; }
th:nth-child(-n+2) { width: 12rem; }
th { text-align: left; font-weight: 600; padding: 0.3rem 0; border-bottom: 1px solid var(--line); }
td { vertical-align: top; padding: 0.3rem 0.9rem 0.3rem 0; border-bottom: 1px solid var(--line); }
td { overflow-wrap: break-word; }
.faint, .version { color: var(--faint); }
.version { font-size: 1rem; font-weight: 400; }
.must { color: var(--delete); font-size: 12px; }
.verb { font: 600 12px/1.6 ui-monospace, monospace; min-width: 3.6rem; }
.get { color: var(--get); } .put { color: var(--put); } .post { color: var(--post); } .delete { color: var(--delete); }
main details summary { cursor: pointer; color: var(--faint); margin: 0.4rem 0; }
@media (max-width: 800px) {
  body { display: block; }
  nav { position: static; height: auto; max-height: 40vh; border-right: 0; border-bottom: 1px solid var(--line); }
  main { padding: 1.2rem; }
  th:nth-child(-n+2) { width: 7rem; }
}
`;
