import{L as e,M as t,O as n,R as r,S as i,a,b as o,c as s,d as c,f as l,l as u,m as d,n as f,o as p,t as m,v as h,w as g,x as _,y as v}from"./parts-U2sleRfq.js";import{F as y,I as b,L as x,R as S,S as C,T as w,V as T,h as E,j as D,z as O}from"./index-DVMCNAv1.js";import{t as k}from"./fresh-DShJ4nz-.js";var A=[[`browser`,`Browser`],[`npm`,`npm`],[`node`,`Node`],[`python`,`Python`],[`rust`,`Rust`],[`curl`,`curl`]],j=e=>JSON.stringify(e).slice(1,-1).replaceAll(`<`,`\\u003c`).replaceAll(`'`,`\\u0027`);function M(e,{base:t,clientId:n,secret:r}){let i=j(t.replace(/\/$/,``)),a=j(n),o=j(r??`YOUR_CLIENT_SECRET`);switch(e){case`browser`:return`<script>
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
  -d '{"type": "track", "payload": {"name": "signup", "profileId": "anna", "properties": {"plan": "pro"}}}'`}}var N=e=>e!==`browser`&&e!==`npm`;function P(e,t){let n=e=>e.toLowerCase().replace(/^[a-z][a-z0-9+.-]*:\/\//,``).replace(/^www\./,``).replace(/\/+$/,``);if(e===`*`)return!0;let[r,i]=[n(e),n(t)],a=/:\d+$/.test(r)?i:i.replace(/:\d+$/,``);return r.startsWith(`*.`)?a.endsWith(r.slice(1))&&a.length>r.length-1:a===r}var F=3e3;function I(){let e=v(),t=o().session.client.type===`root`;return i(r,{children:[i(`div`,{class:`toolbar`}),i(L,{}),i(R,{}),t&&i(z,{projectId:e.id}),t&&i(B,{projectId:e.id})]})}function L(){let e=v(),t=_(),n=T(g(`/insights/{projectId}/events`,{projectId:e.id},{limit:1,startDate:`2000-01-01`}),F),a=y(e.id,!0,()=>n.refresh()),o=n.data?.[0];return i(`section`,{class:`panel arrival`,children:i(m,{state:n,rows:2,children:()=>o?i(`div`,{class:`arrival-row`,children:[i(`div`,{children:[i(`h2`,{class:`live-title`,"aria-live":`polite`,children:[i(`i`,{class:`beacon on`,"aria-hidden":`true`}),`Events arrive`]}),i(`p`,{class:`muted`,children:[`The latest is `,i(`bdi`,{class:`strong`,children:o.name}),o.path&&i(r,{children:[` `,`on `,i(`bdi`,{class:`text path`,children:o.path})]}),`, `,C(o.created_at),` (`,D(o.created_at,t),`).`,a?` ${w(a)} ${a===1?`visitor is`:`visitors are`} there now.`:``]})]}),i(`a`,{class:`button primary`,href:O(e.id,`overview`,`?range=today`),children:`See the numbers`})]}):i(`div`,{children:[i(`h2`,{class:`live-title`,"aria-live":`polite`,children:[i(`i`,{class:`beacon`,"aria-hidden":`true`}),`Waiting for the first event`]}),i(`p`,{class:`muted`,children:`Put the snippet into your pages, or run one of the others, and open a page. This changes the moment something arrives.`})]})})})}function R(){let n=v(),a=h(),l=o().session.client.type===`root`,u=A.find(([e])=>e===b().query.get(`snippet`))?.[0]??`browser`,[d,p]=e(null),_=T(l?g(`/manage/clients`,{},{projectId:n.id}):null),y=(_.data?.data)?.filter(e=>e.type===`write`&&e.enabled)??[],C=k(n.id),w=d??C?.id??y.at(-1)?.id??null,E=C&&C.id===w?C.secret:null,D=l&&!C&&_.data===void 0;return i(s,{title:`Send events`,actions:y.length>1&&i(`select`,{"aria-label":`Client of the snippet`,value:w??``,onChange:e=>p(e.currentTarget.value),children:y.map(e=>i(`option`,{value:e.id,children:e.name},e.id))}),children:[i(c,{label:`Language`,tabs:A,value:u,onChange:e=>S(x({snippet:e===`browser`?null:e}),`replace`)}),D?i(m,{state:_,rows:6,children:()=>null}):i(f,{text:M(u,{base:a,clientId:w??`YOUR_CLIENT_ID`,secret:E}),label:`Snippet`}),i(`p`,{class:`muted small table-note`,children:[u===`browser`?`Put it into the <head> of every page. `:``,!l&&`Ask an administrator for the id of a write client. `,l&&!D&&!w&&i(r,{children:[`This project has no write client: `,i(`a`,{href:`${t}manage/clients?project=${encodeURIComponent(n.id)}`,children:`make one`}),`.`,` `]}),N(u)&&(E?`The secret is shown until you close this page: keep it now.`:i(r,{children:[`The secret was shown when the client was made.`,l&&i(r,{children:[` `,`A lost one can be `,i(`a`,{href:`${t}manage/clients?project=${encodeURIComponent(n.id)}`,children:`replaced`}),`.`]})]}))]})]})}function z({projectId:t}){let a=T(g(`/manage/projects/{id}`,{id:t})),[o,c]=e(``),l=d(),f=e=>l.run(async()=>{await n(`PATCH`,`/manage/projects/${encodeURIComponent(t)}`,{cors:[...e,o.trim()]}),a.refresh()});return i(s,{title:`Pages that may send events`,children:i(m,{state:a,rows:2,children:e=>{let t=e.data.cors,n=o.trim(),a=n&&t.some(e=>P(e,n));return i(r,{children:[i(`p`,{class:`chips`,children:t.length?t.map(e=>i(`code`,{class:`tag`,children:e},e)):i(`span`,{class:`muted`,children:`None yet: browsers are refused without a secret.`})}),i(`form`,{class:`inline-form`,onSubmit:e=>{e.preventDefault(),n&&!a&&f(t)},children:[i(p,{label:`Check an origin`,error:l.problemOf(`cors`),children:(e,t)=>i(`input`,{id:e,placeholder:`https://shop.example`,"aria-describedby":t,value:o,onInput:e=>c(e.currentTarget.value)})}),i(`p`,{class:`verdict`,"aria-live":`polite`,children:n&&(a?i(`span`,{class:`good`,children:`This origin is allowed.`}):i(r,{children:[i(`span`,{class:`bad`,children:`This origin is not allowed.`}),` `,i(`button`,{type:`submit`,class:`button`,disabled:l.busy,children:`Add it`})]}))})]}),l.error&&l.error.details.length===0&&i(u,{error:l.error})]})}})})}function B({projectId:e}){let t=g(`/manage/projects/{id}/track/diagnostics`,{id:e}),n=T(t,F*5),r=_(),o=e=>e.data,c=e=>e.details.map(e=>`${e.path.join(`.`)}: ${e.message}`).join(`; `);return i(s,{title:`Requests that were refused or changed`,actions:i(l,{path:t.path,file:`${e}-diagnostics`,csv:n.data&&(()=>({head:[`at`,`count`,`outcome`,`event`,`message`,`details`],rows:o(n.data).map(e=>[e.at,e.count,e.outcome,e.event,e.message,c(e)])}))}),children:i(m,{state:n,rows:3,empty:e=>o(e).length?null:i(a,{title:`None`,children:`Nothing was refused since the server started.`}),children:e=>i(E,{caption:`Requests that were refused or changed`,rows:o(e),keyOf:(e,t)=>e.at+t,columns:[{head:`What`,cell:e=>i(`div`,{class:`wrap`,children:[i(`span`,{class:`tag ${e.outcome===`refused`?`bad`:``}`,children:e.outcome}),` `,e.message,e.details.length>0&&i(`div`,{class:`muted small`,children:c(e)})]})},{head:`Event`,cell:e=>i(`bdi`,{class:`text cell`,children:e.event??`–`}),wide:!0},{head:`Times`,cell:e=>w(e.count),number:!0},{head:`Last`,number:!0,cell:e=>i(`time`,{dateTime:e.at,title:D(e.at,r,!0),children:C(e.at)})}]})})})}export{I as Setup};