import{A as e,F as t,M as n,N as r,V as i,W as a,X as o,_ as s,at as c,ct as l,et as u,g as d,ht as f,it as p,j as m,k as h,l as g,m as _,mt as v,nt as y,p as b,rt as x,st as S,u as C,ut as w,v as T,x as E,y as D}from"./index-_sq1x4Ao.js";import{t as O}from"./fresh-DShJ4nz-.js";var k=[[`browser`,`Browser`],[`npm`,`npm`],[`node`,`Node`],[`python`,`Python`],[`rust`,`Rust`],[`curl`,`curl`]],A=e=>JSON.stringify(e).slice(1,-1).replaceAll(`<`,`\\u003c`).replaceAll(`'`,`\\u0027`);function j(e,{base:t,clientId:n,secret:r}){let i=A(t.replace(/\/$/,``)),a=A(n),o=A(r??`YOUR_CLIENT_SECRET`);switch(e){case`browser`:return`<script>
  window.op = window.op || function (...args) { (window.op.q = window.op.q || []).push(args); };
  window.op('init', {
    apiUrl: '${i}',
    clientId: '${a}',
    trackScreenViews: true,
    trackOutgoingLinks: true,
    trackAttributes: true,
  });
<\/script>
<script src="${i}/op1.js" defer async><\/script>`;case`npm`:return`// npm install @openpanel/web
import { OpenPanel } from '@openpanel/web';

export const op = new OpenPanel({
  apiUrl: '${i}',
  clientId: '${a}',
  trackScreenViews: true,
});

op.track('signup', { plan: 'pro' });`;case`node`:return`// npm install @openpanel/sdk
import { OpenPanel } from '@openpanel/sdk';

const op = new OpenPanel({
  apiUrl: '${i}',
  clientId: '${a}',
  clientSecret: '${o}',
});

await op.track('signup', { profileId: 'anna', plan: 'pro' });`;case`python`:return`# pip install requests
import requests

requests.post(
    "${i}/track",
    headers={
        "openpanel-client-id": "${a}",
        "openpanel-client-secret": "${o}",
    },
    json={
        "type": "track",
        "payload": {"name": "signup", "profileId": "anna", "properties": {"plan": "pro"}},
    },
    timeout=10,
).raise_for_status()`;case`rust`:return`// cargo add ureq@3 -F json; cargo add serde_json
use serde_json::json;

fn main() -> Result<(), ureq::Error> {
    ureq::post("${i}/track")
        .header("openpanel-client-id", "${a}")
        .header("openpanel-client-secret", "${o}")
        .send_json(json!({
            "type": "track",
            "payload": {"name": "signup", "profileId": "anna", "properties": {"plan": "pro"}},
        }))?;
    Ok(())
}`;case`curl`:return`curl '${i}/track' \\
  -H 'openpanel-client-id: ${a}' \\
  -H 'openpanel-client-secret: ${o}' \\
  -H 'content-type: application/json' \\
  -d '{"type": "track", "payload": {"name": "signup", "profileId": "anna", "properties": {"plan": "pro"}}}'`}}var M=e=>e!==`browser`&&e!==`npm`;function N(e,t){let n=e=>e.toLowerCase().replace(/^[a-z][a-z0-9+.-]*:\/\//,``).replace(/^www\./,``).replace(/\/+$/,``);if(e===`*`)return!0;let[r,i]=[n(e),n(t)],a=/:\d+$/.test(r)?i:i.replace(/:\d+$/,``);return r.startsWith(`*.`)?a.endsWith(r.slice(1))&&a.length>r.length-1:a===r}var P=3e3;function F(){let e=m(),r=n().session.client.type===`root`;return t(f,{children:[t(`div`,{class:`toolbar`}),t(I,{}),t(L,{}),r&&t(R,{projectId:e.id}),r&&t(z,{projectId:e.id})]})}function I(){let e=m(),n=r(),s=S(l(`/insights/{projectId}/events`,{projectId:e.id},{limit:1,startDate:`2000-01-01`}),P),d=u(e.id,!0,()=>s.refresh()),p=s.data?.[0];return t(`section`,{class:`panel arrival`,"aria-live":`polite`,children:t(g,{state:s,rows:2,children:()=>p?t(`div`,{class:`arrival-row`,children:[t(`div`,{children:[t(`h2`,{class:`live-title`,children:[t(`i`,{class:`beacon on`,"aria-hidden":`true`}),`Events arrive`]}),t(`p`,{class:`muted`,children:[`The latest is `,t(`bdi`,{class:`strong`,children:p.name}),p.path&&t(f,{children:[` on `,t(`bdi`,{class:`text path`,children:p.path})]}),`, `,i(p.created_at),` (`,o(p.created_at,n),`).`,d?` ${a(d)} ${d===1?`visitor is`:`visitors are`} there now.`:``]})]}),t(`a`,{class:`button primary`,href:c(e.id,`overview`,`?range=today`),children:`See the numbers`})]}):t(`div`,{children:[t(`h2`,{class:`live-title`,children:[t(`i`,{class:`beacon`,"aria-hidden":`true`}),`Waiting for the first event`]}),t(`p`,{class:`muted`,children:`Put the snippet into your pages, or run one of the others, and open a page. This changes the moment something arrives.`})]})})})}function L(){let r=m(),i=e(),a=n().session.client.type===`root`,o=k.find(([e])=>e===y().query.get(`snippet`))?.[0]??`browser`,[s,c]=v(null),u=S(a?l(`/manage/clients`,{},{projectId:r.id}):null),h=(u.data?.data)?.filter(e=>e.type===`write`&&e.enabled)??[],_=O(r.id),b=s??_?.id??h.at(-1)?.id??null,w=_&&_.id===b?_.secret:null,E=a&&!_&&u.data===void 0;return t(d,{title:`Send events`,actions:h.length>1&&t(`select`,{"aria-label":`Client of the snippet`,value:b??``,onChange:e=>c(e.currentTarget.value),children:h.map(e=>t(`option`,{value:e.id,children:e.name},e.id))}),children:[t(T,{label:`Language`,tabs:k,value:o,onChange:e=>p(x({snippet:e===`browser`?null:e}),`replace`)}),E?t(g,{state:u,rows:6,children:()=>null}):t(C,{text:j(o,{base:i,clientId:b??`YOUR_CLIENT_ID`,secret:w}),label:`Snippet`}),t(`p`,{class:`muted small table-note`,children:[o===`browser`?`Put it into the <head> of every page. `:``,!a&&`Ask an administrator for the id of a write client. `,a&&!E&&!b&&t(f,{children:[`This project has no write client: `,t(`a`,{href:`/console/manage/clients?project=${encodeURIComponent(r.id)}`,children:`make one`}),`. `]}),M(o)&&(w?`The secret is shown until you close this page: keep it now.`:t(f,{children:[`The secret was shown when the client was made.`,a&&t(f,{children:[` A lost one can be `,t(`a`,{href:`/console/manage/clients?project=${encodeURIComponent(r.id)}`,children:`replaced`}),`.`]})]}))]})]})}function R({projectId:e}){let n=S(l(`/manage/projects/{id}`,{id:e})),[r,i]=v(``),a=E(),o=t=>a.run(async()=>{await w(`PATCH`,`/manage/projects/${encodeURIComponent(e)}`,{cors:[...t,r.trim()]}),n.refresh()});return t(d,{title:`Pages that may send events`,children:t(g,{state:n,rows:2,children:e=>{let n=e.data.cors,c=r.trim(),l=c&&n.some(e=>N(e,c));return t(f,{children:[t(`p`,{class:`chips`,children:n.length?n.map(e=>t(`code`,{class:`tag`,children:e},e)):t(`span`,{class:`muted`,children:`None yet: browsers are refused without a secret.`})}),t(`form`,{class:`inline-form`,onSubmit:e=>{e.preventDefault(),c&&!l&&o(n)},children:[t(_,{label:`Check an origin`,error:a.problemOf(`cors`),children:(e,n)=>t(`input`,{id:e,placeholder:`https://shop.example`,"aria-describedby":n,value:r,onInput:e=>i(e.currentTarget.value)})}),t(`p`,{class:`verdict`,"aria-live":`polite`,children:c&&(l?t(`span`,{class:`good`,children:`This origin is allowed.`}):t(f,{children:[t(`span`,{class:`bad`,children:`This origin is not allowed.`}),` `,t(`button`,{type:`submit`,class:`button`,disabled:a.busy,children:`Add it`})]}))})]}),a.error&&a.error.details.length===0&&t(s,{error:a.error})]})}})})}function z({projectId:e}){let n=l(`/manage/projects/{id}/track/diagnostics`,{id:e}),s=S(n,P*5),c=r(),u=e=>e.data,f=e=>e.details.map(e=>`${e.path.join(`.`)}: ${e.message}`).join(`; `);return t(d,{title:`Requests that were refused or changed`,actions:t(D,{path:n.path,file:`${e}-diagnostics`,csv:s.data&&(()=>({head:[`at`,`count`,`outcome`,`event`,`message`,`details`],rows:u(s.data).map(e=>[e.at,e.count,e.outcome,e.event,e.message,f(e)])}))}),children:t(g,{state:s,rows:3,empty:e=>u(e).length?null:t(b,{title:`None`,children:`Nothing was refused since the server started.`}),children:e=>t(h,{caption:`Requests that were refused or changed`,rows:u(e),keyOf:(e,t)=>e.at+t,columns:[{head:`Last`,cell:e=>t(`time`,{dateTime:e.at,title:o(e.at,c,!0),children:i(e.at)})},{head:`What`,cell:e=>t(`span`,{class:`tag ${e.outcome===`refused`?`bad`:``}`,children:e.outcome})},{head:`Event`,cell:e=>t(`bdi`,{class:`text cell`,children:e.event??`–`}),wide:!0},{head:`Why`,cell:e=>t(`div`,{class:`wrap`,children:[e.message,e.details.length>0&&t(`div`,{class:`muted small`,children:f(e)})]})},{head:`Times`,cell:e=>a(e.count),number:!0}]})})})}export{F as Setup};