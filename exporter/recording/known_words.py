"""Words that are no personal data in the names of fields and events; in lower case.

Such a name may be personal too: a field is called `ChanVariable(PJSIP/1001-0000002a)`, and the
`name` of an object that is no event is that of a person. So only names of these words stay.
"""

from __future__ import annotations

_OF_FIELDS = """
access accesstype account acl action activity address admin after agent alert alias ama ani answer
answered aor app application args asterisk at backend body bridge bridged bridges busy by call
caller calling calls category cause chan channel channels cid class clid code command conference
connect connected contact content context conversation count created creation creator current dani
data day ddnid delivery desc description dest destination details device dial dialed digit direction
display disturb dname dnid dnum do domain drdnis dst dstid duration dynamic email empty enabled
encoding end endpoint entry env era error event exchange exten extension extensions external extra
fallbacks first firstname flags folder force forward from group handler hangup headers held hint
hold i id in incalls interface internal interval is items join key language last lastname leave
level line linear lines linked linkedid links list local location login member members membership
message messages mobile mode module moh ms msg music muted name names new no noanswer not note num
number old on one operator optimization option options orig origin original out outcome output
parked parker parking participant pause paused peer penalty phone pid port position presence
priority privilege profile properties protocol queue queues raw reason recipients record recordings
registered reload requested required reset response restart result retriever ring ringinuse room
roundtrip route routing rtp second server service sessions setting shutdown sip skills slot source
src start state status stop string subscription success supervisor swap switchboard system tags
taken talk talking target tech technology tenant text time timeout timestamp to total transcription
transfer transferee transferer trunk two txt type unique uniqueid unit uptime uri url usec user
userfield userid username users useruuid uuid uuids value values variable variables version video
voicemail voicemails wait waiting wazo wrapup wrapuptime xivo
"""

_OF_EVENTS = """
abandoned added adhoc agents agi alarm allowed announcements aoc applicationmap associated
association async auth authorization authorized average bad begin blind blocklist callerid
callnumberlimits cancel cancelled candidates cdr cel challenge change chatd clear collectd complete
completed confbridge config contexts core create cti custom d dahdi deadlock default deleted destroy
detail dhcp directory dissociated dnd done dtmf dump e edited ended enter entered exec expire export
failed fallback favorite fax feature featuremap features filter flash format func general get give
global groups guest ha handlers hep host http iax ice identify identity incall info ingress
initiated install instance interceptor invalid ipbx ivr joined left limit live load localization log
logd logged logoff lookup lot mail main mcid meeting meetme memory merge method mini mix monitor
multi mute mwi networking newchannel newexten newstate node notification off originate outbound
outcall outgoing paging params password permission pickup pjsip playback plugin pop progress
provisioning push qualify queued receive received recipient recording refresh register registrar
registry relocate removed rename request resumed retention rooms rtcp rule run s sccp schedule send
sent session set show skill skype snoop some soon sound span spy started stats stopped succeeded
successful summary supported surrogate template test token transport trunks un unexpected unhold
uninstall unload unmute unmuted unpaused up update updated valid var voice webhookd wink with wizard
zonemessages
"""

FIELD_WORDS = frozenset(_OF_FIELDS.split())
EVENT_WORDS = (FIELD_WORDS | frozenset(_OF_EVENTS.split())) - {"dani"}
"""Those of the events of XiVO, Wazo and Asterisk."""
