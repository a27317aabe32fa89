import{$ as e,A as t,B as n,F as r,M as i,N as a,U as o,Y as s,_ as c,g as l,it as u,j as d,k as f,l as p,lt as m,m as h,mt as g,nt as _,ot as v,p as y,pt as b,rt as x,st as S,tt as C,u as w,v as T,x as E,y as D}from"./index-tT4HRl13.js";import{t as O}from"./fresh-DShJ4nz-.js";var k=[[`browser`,`Browser`],[`npm`,`npm`],[`node`,`Node`],[`python`,`Python`],[`rust`,`Rust`],[`curl`,`curl`]],A=e=>JSON.stringify(e).slice(1,-1).replaceAll(`<`,`\\u003c`).replaceAll(`'`,`\\u0027`);function j(e,{base:t,clientId:n,secret:r}){let i=A(t.replace(/\/$/,``)),a=A(n),o=A(r??`YOUR_CLIENT_SECRET`);switch(e){case`browser`:return`<script>
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
  -d '{"type": "track", "payload": {"name": "signup", "profileId": "anna", "properties": {"plan": "pro"}}}'`}}var M=e=>e!==`browser`&&e!==`npm`;function N(e,t){let n=e=>e.toLowerCase().replace(/^[a-z][a-z0-9+.-]*:\/\//,``).replace(/^www\./,``).replace(/\/+$/,``);if(e===`*`)return!0;let[r,i]=[n(e),n(t)],a=/:\d+$/.test(r)?i:i.replace(/:\d+$/,``);return r.startsWith(`*.`)?a.endsWith(r.slice(1))&&a.length>r.length-1:a===r}var P=3e3;function F(){let e=d(),t=i().session.client.type===`root`;return r(g,{children:[r(`div`,{class:`toolbar`}),r(I,{}),r(L,{}),t&&r(R,{projectId:e.id}),t&&r(z,{projectId:e.id})]})}function I(){let t=d(),i=a(),c=v(S(`/insights/{projectId}/events`,{projectId:t.id},{limit:1,startDate:`2000-01-01`}),P),l=e(t.id,!0,()=>c.refresh()),f=c.data?.[0];return r(`section`,{class:`panel arrival`,"aria-live":`polite`,children:r(p,{state:c,rows:2,children:()=>f?r(`div`,{class:`arrival-row`,children:[r(`div`,{children:[r(`h2`,{class:`live-title`,children:[r(`i`,{class:`beacon on`,"aria-hidden":`true`}),`Events arrive`]}),r(`p`,{class:`muted`,children:[`The latest is `,r(`bdi`,{class:`strong`,children:f.name}),f.path&&r(g,{children:[` on `,r(`bdi`,{class:`text path`,children:f.path})]}),`, `,n(f.created_at),` (`,s(f.created_at,i),`).`,l?` ${o(l)} ${l===1?`visitor is`:`visitors are`} there now.`:``]})]}),r(`a`,{class:`button primary`,href:u(t.id,`overview`,`?range=today`),children:`See the numbers`})]}):r(`div`,{children:[r(`h2`,{class:`live-title`,children:[r(`i`,{class:`beacon`,"aria-hidden":`true`}),`Waiting for the first event`]}),r(`p`,{class:`muted`,children:`Put the snippet into your pages, or run one of the others, and open a page. This changes the moment something arrives.`})]})})})}function L(){let e=d(),n=t(),a=i().session.client.type===`root`,o=k.find(([e])=>e===C().query.get(`snippet`))?.[0]??`browser`,[s,c]=b(null),u=v(a?S(`/manage/clients`,{},{projectId:e.id}):null),f=(u.data?.data)?.filter(e=>e.type===`write`&&e.enabled)??[],m=O(e.id),h=s??m?.id??f.at(-1)?.id??null,y=m&&m.id===h?m.secret:null,E=a&&!m&&u.data===void 0;return r(l,{title:`Send events`,actions:f.length>1&&r(`select`,{"aria-label":`Client of the snippet`,value:h??``,onChange:e=>c(e.currentTarget.value),children:f.map(e=>r(`option`,{value:e.id,children:e.name},e.id))}),children:[r(T,{label:`Language`,tabs:k,value:o,onChange:e=>x(_({snippet:e===`browser`?null:e}),`replace`)}),E?r(p,{state:u,rows:6,children:()=>null}):r(w,{text:j(o,{base:n,clientId:h??`YOUR_CLIENT_ID`,secret:y}),label:`Snippet`}),r(`p`,{class:`muted small table-note`,children:[o===`browser`?`Put it into the <head> of every page. `:``,!a&&`Ask an administrator for the id of a write client. `,a&&!E&&!h&&r(g,{children:[`This project has no write client: `,r(`a`,{href:`/console/manage/clients?project=${encodeURIComponent(e.id)}`,children:`make one`}),`. `]}),M(o)&&(y?`The secret is shown until you close this page: keep it now.`:r(g,{children:[`The secret was shown when the client was made.`,a&&r(g,{children:[` A lost one can be `,r(`a`,{href:`/console/manage/clients?project=${encodeURIComponent(e.id)}`,children:`replaced`}),`.`]})]}))]})]})}function R({projectId:e}){let t=v(S(`/manage/projects/{id}`,{id:e})),[n,i]=b(``),a=E(),o=r=>a.run(async()=>{await m(`PATCH`,`/manage/projects/${encodeURIComponent(e)}`,{cors:[...r,n.trim()]}),t.refresh()});return r(l,{title:`Pages that may send events`,children:r(p,{state:t,rows:2,children:e=>{let t=e.data.cors,s=n.trim(),l=s&&t.some(e=>N(e,s));return r(g,{children:[r(`p`,{class:`chips`,children:t.length?t.map(e=>r(`code`,{class:`tag`,children:e},e)):r(`span`,{class:`muted`,children:`None yet: browsers are refused without a secret.`})}),r(`form`,{class:`inline-form`,onSubmit:e=>{e.preventDefault(),s&&!l&&o(t)},children:[r(h,{label:`Check an origin`,error:a.problemOf(`cors`),children:(e,t)=>r(`input`,{id:e,placeholder:`https://shop.example`,"aria-describedby":t,value:n,onInput:e=>i(e.currentTarget.value)})}),r(`p`,{class:`verdict`,"aria-live":`polite`,children:s&&(l?r(`span`,{class:`good`,children:`This origin is allowed.`}):r(g,{children:[r(`span`,{class:`bad`,children:`This origin is not allowed.`}),` `,r(`button`,{type:`submit`,class:`button`,disabled:a.busy,children:`Add it`})]}))})]}),a.error&&a.error.details.length===0&&r(c,{error:a.error})]})}})})}function z({projectId:e}){let t=S(`/manage/projects/{id}/track/diagnostics`,{id:e}),i=v(t,P*5),c=a(),u=e=>e.data,d=e=>e.details.map(e=>`${e.path.join(`.`)}: ${e.message}`).join(`; `);return r(l,{title:`Requests that were refused or changed`,actions:r(D,{path:t.path,file:`${e}-diagnostics`,csv:i.data&&(()=>({head:[`at`,`count`,`outcome`,`event`,`message`,`details`],rows:u(i.data).map(e=>[e.at,e.count,e.outcome,e.event,e.message,d(e)])}))}),children:r(p,{state:i,rows:3,empty:e=>u(e).length?null:r(y,{title:`None`,children:`Nothing was refused since the server started.`}),children:e=>r(f,{caption:`Requests that were refused or changed`,rows:u(e),keyOf:(e,t)=>e.at+t,columns:[{head:`Last`,cell:e=>r(`time`,{dateTime:e.at,title:s(e.at,c,!0),children:n(e.at)})},{head:`What`,cell:e=>r(`span`,{class:`tag ${e.outcome===`refused`?`bad`:``}`,children:e.outcome})},{head:`Event`,cell:e=>r(`bdi`,{class:`text cell`,children:e.event??`–`}),wide:!0},{head:`Why`,cell:e=>r(`div`,{class:`wrap`,children:[e.message,e.details.length>0&&r(`div`,{class:`muted small`,children:d(e)})]})},{head:`Times`,cell:e=>o(e.count),number:!0}]})})})}export{F as Setup};