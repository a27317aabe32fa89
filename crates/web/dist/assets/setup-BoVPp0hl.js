import{F as e,O as t,P as n,S as r,a as i,b as a,c as o,d as s,f as c,l,m as u,n as d,o as f,t as p,v as m,w as h,x as g,y as _}from"./parts-BXIgYazh.js";import{B as v,F as y,H as b,L as x,R as S,S as C,T as w,h as T,j as E,z as D}from"./index-DxgRzEBt.js";import{t as O}from"./fresh-DShJ4nz-.js";var k=[[`browser`,`Browser`],[`npm`,`npm`],[`node`,`Node`],[`python`,`Python`],[`rust`,`Rust`],[`curl`,`curl`]],A=e=>JSON.stringify(e).slice(1,-1).replaceAll(`<`,`\\u003c`).replaceAll(`'`,`\\u0027`);function j(e,{base:t,clientId:n,secret:r}){let i=A(t.replace(/\/$/,``)),a=A(n),o=A(r??`YOUR_CLIENT_SECRET`);switch(e){case`browser`:return`<script>
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
  -d '{"type": "track", "payload": {"name": "signup", "profileId": "anna", "properties": {"plan": "pro"}}}'`}}var M=e=>e!==`browser`&&e!==`npm`;function N(e,t){let n=e=>e.toLowerCase().replace(/^[a-z][a-z0-9+.-]*:\/\//,``).replace(/^www\./,``).replace(/\/+$/,``);if(e===`*`)return!0;let[r,i]=[n(e),n(t)],a=/:\d+$/.test(r)?i:i.replace(/:\d+$/,``);return r.startsWith(`*.`)?a.endsWith(r.slice(1))&&a.length>r.length-1:a===r}var P=3e3;function F(){let t=_(),n=a().session.client.type===`root`;return r(e,{children:[r(`div`,{class:`toolbar`}),r(I,{}),r(L,{}),n&&r(R,{projectId:t.id}),n&&r(z,{projectId:t.id})]})}function I(){let t=_(),n=g(),i=b(h(`/insights/{projectId}/events`,{projectId:t.id},{limit:1,startDate:`2000-01-01`}),P),a=y(t.id,!0,()=>i.refresh()),o=i.data?.[0];return r(`section`,{class:`panel arrival`,"aria-live":`polite`,children:r(p,{state:i,rows:2,children:()=>o?r(`div`,{class:`arrival-row`,children:[r(`div`,{children:[r(`h2`,{class:`live-title`,children:[r(`i`,{class:`beacon on`,"aria-hidden":`true`}),`Events arrive`]}),r(`p`,{class:`muted`,children:[`The latest is `,r(`bdi`,{class:`strong`,children:o.name}),o.path&&r(e,{children:[` on `,r(`bdi`,{class:`text path`,children:o.path})]}),`, `,C(o.created_at),` (`,E(o.created_at,n),`).`,a?` ${w(a)} ${a===1?`visitor is`:`visitors are`} there now.`:``]})]}),r(`a`,{class:`button primary`,href:v(t.id,`overview`,`?range=today`),children:`See the numbers`})]}):r(`div`,{children:[r(`h2`,{class:`live-title`,children:[r(`i`,{class:`beacon`,"aria-hidden":`true`}),`Waiting for the first event`]}),r(`p`,{class:`muted`,children:`Put the snippet into your pages, or run one of the others, and open a page. This changes the moment something arrives.`})]})})})}function L(){let t=_(),i=m(),c=a().session.client.type===`root`,l=k.find(([e])=>e===x().query.get(`snippet`))?.[0]??`browser`,[u,f]=n(null),g=b(c?h(`/manage/clients`,{},{projectId:t.id}):null),v=(g.data?.data)?.filter(e=>e.type===`write`&&e.enabled)??[],y=O(t.id),C=u??y?.id??v.at(-1)?.id??null,w=y&&y.id===C?y.secret:null,T=c&&!y&&g.data===void 0;return r(o,{title:`Send events`,actions:v.length>1&&r(`select`,{"aria-label":`Client of the snippet`,value:C??``,onChange:e=>f(e.currentTarget.value),children:v.map(e=>r(`option`,{value:e.id,children:e.name},e.id))}),children:[r(s,{label:`Language`,tabs:k,value:l,onChange:e=>D(S({snippet:e===`browser`?null:e}),`replace`)}),T?r(p,{state:g,rows:6,children:()=>null}):r(d,{text:j(l,{base:i,clientId:C??`YOUR_CLIENT_ID`,secret:w}),label:`Snippet`}),r(`p`,{class:`muted small table-note`,children:[l===`browser`?`Put it into the <head> of every page. `:``,!c&&`Ask an administrator for the id of a write client. `,c&&!T&&!C&&r(e,{children:[`This project has no write client: `,r(`a`,{href:`/console/manage/clients?project=${encodeURIComponent(t.id)}`,children:`make one`}),`. `]}),M(l)&&(w?`The secret is shown until you close this page: keep it now.`:r(e,{children:[`The secret was shown when the client was made.`,c&&r(e,{children:[` A lost one can be `,r(`a`,{href:`/console/manage/clients?project=${encodeURIComponent(t.id)}`,children:`replaced`}),`.`]})]}))]})]})}function R({projectId:i}){let a=b(h(`/manage/projects/{id}`,{id:i})),[s,c]=n(``),d=u(),m=e=>d.run(async()=>{await t(`PATCH`,`/manage/projects/${encodeURIComponent(i)}`,{cors:[...e,s.trim()]}),a.refresh()});return r(o,{title:`Pages that may send events`,children:r(p,{state:a,rows:2,children:t=>{let n=t.data.cors,i=s.trim(),a=i&&n.some(e=>N(e,i));return r(e,{children:[r(`p`,{class:`chips`,children:n.length?n.map(e=>r(`code`,{class:`tag`,children:e},e)):r(`span`,{class:`muted`,children:`None yet: browsers are refused without a secret.`})}),r(`form`,{class:`inline-form`,onSubmit:e=>{e.preventDefault(),i&&!a&&m(n)},children:[r(f,{label:`Check an origin`,error:d.problemOf(`cors`),children:(e,t)=>r(`input`,{id:e,placeholder:`https://shop.example`,"aria-describedby":t,value:s,onInput:e=>c(e.currentTarget.value)})}),r(`p`,{class:`verdict`,"aria-live":`polite`,children:i&&(a?r(`span`,{class:`good`,children:`This origin is allowed.`}):r(e,{children:[r(`span`,{class:`bad`,children:`This origin is not allowed.`}),` `,r(`button`,{type:`submit`,class:`button`,disabled:d.busy,children:`Add it`})]}))})]}),d.error&&d.error.details.length===0&&r(l,{error:d.error})]})}})})}function z({projectId:e}){let t=h(`/manage/projects/{id}/track/diagnostics`,{id:e}),n=b(t,P*5),a=g(),s=e=>e.data,l=e=>e.details.map(e=>`${e.path.join(`.`)}: ${e.message}`).join(`; `);return r(o,{title:`Requests that were refused or changed`,actions:r(c,{path:t.path,file:`${e}-diagnostics`,csv:n.data&&(()=>({head:[`at`,`count`,`outcome`,`event`,`message`,`details`],rows:s(n.data).map(e=>[e.at,e.count,e.outcome,e.event,e.message,l(e)])}))}),children:r(p,{state:n,rows:3,empty:e=>s(e).length?null:r(i,{title:`None`,children:`Nothing was refused since the server started.`}),children:e=>r(T,{caption:`Requests that were refused or changed`,rows:s(e),keyOf:(e,t)=>e.at+t,columns:[{head:`What`,cell:e=>r(`div`,{class:`wrap`,children:[r(`span`,{class:`tag ${e.outcome===`refused`?`bad`:``}`,children:e.outcome}),` `,e.message,e.details.length>0&&r(`div`,{class:`muted small`,children:l(e)})]})},{head:`Event`,cell:e=>r(`bdi`,{class:`text cell`,children:e.event??`–`}),wide:!0},{head:`Times`,cell:e=>w(e.count),number:!0},{head:`Last`,number:!0,cell:e=>r(`time`,{dateTime:e.at,title:E(e.at,a,!0),children:C(e.at)})}]})})})}export{F as Setup};