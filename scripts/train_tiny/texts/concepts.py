"""Forty ideas of the trade: what each one is, what it is for, an example, a picture, a danger.

(name with its article, is, use, example, like, danger); each use and danger is a whole sentence.
"""
CONCEPTS = [tuple(part.strip() for part in line.split("|")) for line in """
a cache|a fast store for answers that were computed before|It saves the slow way to the database.|the last thousand user profiles in memory|a note on your desk|An old entry may no longer be true.
a queue|a line of messages that wait for a worker|It lets the sender go on without waiting.|emails that wait to be sent|a line at a bakery|It may grow faster than the workers can read it.
a replica|a copy of a database that follows the primary|It takes read traffic away from the primary.|a second database in another zone|a second copy of a book|It may be a little behind the primary.
a timeout|a limit on how long to wait for an answer|It stops one slow service from blocking the others.|a limit of two seconds for each query|a clock in a chess game|If it is too short, good requests fail.
a load balancer|a component that spreads requests over several servers|It keeps any one server from getting too much work.|a machine in front of four servers|a person who sends each customer to a free desk|It needs health checks to know which servers are up.
a retry|a second try after a failure|It helps when a failure lasts only for a moment.|a request that is sent again after one second|a second knock on a door|Too many of them can flood a weak service.
a health check|a small request that asks a server whether it is well|It tells the load balancer which servers are up.|a request to a path every five seconds|a doctor who takes your pulse|If it is too strict, healthy servers are taken out.
an index|a sorted list that tells where each row is|It makes searches fast.|a sorted list of email addresses|the last pages of a book|Each write has to update it too.
a transaction|a group of changes that happen all together or not at all|It keeps data correct when something fails in the middle.|taking money from one account and adding it to another|a trade where both sides let go at once|A long one holds its locks for a long time.
a lock|a mark that lets only one process at a time use something|It stops two processes from changing the same data at once.|one scheduler that holds the leader lock|a key to a small room|If nobody releases it, everyone waits.
a deadlock|a state in which two processes wait for each other forever|It is always a bug, so try to avoid it.|two transactions that each hold what the other needs|two cars that meet on a narrow bridge|It lasts until one side gives up.
a certificate|a signed file that proves who a server is|It lets a client trust the server.|a file that a gateway shows to each client|a passport|It expires on a fixed day.
a firewall|a filter that decides which packets may pass|It keeps unknown traffic out.|a rule that allows only one port|a guard at a door|One wrong rule can block good traffic.
a proxy|a server that passes requests on to another server|It hides the servers behind it and can check each request.|a server that adds a header to each request|a receptionist|If it fails, nobody reaches the servers behind it.
a gateway|the front door of all services|It checks who calls and where the request should go.|a server that checks tokens and then calls the billing service|the front desk of a hotel|If it is slow, all services look slow.
a log|a list of lines that say what happened and when|It helps to find out why something failed.|a file with one line for each request|a diary|It can fill the disk.
a metric|a number that is measured again and again|It shows how a system changes over time.|the number of requests each second|the speed of a car|Too many of them hide the important one.
an alert|a message that tells a person about a problem|It wakes the right person at the right time.|a call when the error rate is above five percent|a smoke alarm|If it comes too often, people ignore it.
a runbook|a page that says what to do in an incident|It helps a tired person to do the right thing.|a page with five steps for a full disk|a recipe|It may be out of date.
a rollback|a step back to the last good release|It ends an incident fast, even before the bug is known.|going from version 5 back to version 4|the undo button|It is hard when the data has changed too.
a backup|a copy of the data that is kept in another place|It brings data back after a mistake.|a copy of the database from last night|a second key at a friend's house|If nobody tests it, it may not work.
a shard|one part of a data set that was split over several machines|It lets a data set grow beyond one machine.|all users from A to F|one volume of a long book|One of them may get much more traffic than the others.
a cluster|a group of machines that work as one|It goes on working when one machine fails.|three database nodes in three zones|a team|It needs most of its nodes to make decisions.
a leader|the one node that makes the decisions for a cluster|It keeps all nodes in the same order.|the node that accepts the writes|the driver of a bus|When it fails, the others must choose a new one.
a rate limit|a limit on how many requests a client may send|It protects a service from too much traffic.|one hundred requests in each minute|a door that lets in one person at a time|If it is too low, good clients are rejected.
a worker|a process that takes jobs from a queue and does them|It does slow work away from the user.|a process that makes small pictures from large ones|a cook who takes one order after another|A broken job can make it crash again and again.
a scheduler|a program that starts jobs at the right time|It runs work at night or every hour.|a program that starts the backup at 02:00|an alarm clock|If two of them run, each job starts twice.
a container|a process with its own files that runs the same everywhere|It makes a release easy to move.|a small web server with all its files|a lunch box|It loses its files when it is removed.
a release|a new version of a program for its users|It brings new features and fixes.|version 4.2 of the search service|a new edition of a book|It may bring new bugs.
a test|a program that checks another program|It finds a bug before the users do.|a check that two plus two is four|a taste of the soup before dinner|It checks only what its author thought of.
a checksum|a small number that is computed from all bytes of a file|It shows whether a file was damaged.|a short number for a large backup|a seal on a bottle|It cannot say which byte is wrong.
a port|a number that says which program on a machine gets a packet|It lets many programs share one address.|443 for secure web traffic|the number of a room in a hotel|Two programs cannot listen on the same one.
a packet|a small piece of data on the network|It lets many connections share one cable.|a piece of about 1500 bytes|a letter in an envelope|It can get lost on its way.
a token|a short text that proves who a user is|It saves the user from typing a password again.|a text that expires after one hour|a ticket for the cinema|Whoever steals it can use it.
a session|what a server remembers about a user between requests|It lets a user stay logged in.|the items in a shopping cart|a tab in a bar|If it lives on one server, it is lost with that server.
a hash table|a store that finds a value by its key in one step|It makes lookups fast, however many keys there are.|a table from user ids to names|a wall of numbered lockers|It does not keep its keys in order.
a stack|a store where the last item in is the first item out|It remembers where to go back to.|the calls of functions in a program|a pile of plates|It has a limit, and too many calls overflow it.
a migration|a change to the shape of the data in a database|It brings the data in line with the new code.|adding a column to a table|moving to a new house|On a large table it may hold a lock for a long time.
a dashboard|a page with the most important graphs|It shows the state of a system at a glance.|a page with traffic, errors and delay|the panel in front of a pilot|Nobody looks at it at night.
latency|the time between a request and its answer|It tells how fast a service feels.|20 ms from the click to the page|the time a letter needs|An average hides the slowest requests.
throughput|the amount of work that a system does in a given time|It tells how much a system can handle.|900 requests each second|the number of cars on a road in one hour|It may be high while each request is slow.
a dead letter queue|a place for messages that no worker could handle|It keeps one broken message from blocking the rest.|a message with a broken format|a drawer for letters without an address|If nobody reads it, the messages stay there forever.
""".strip().splitlines()]

DIFFERENCES = [tuple(part.strip() for part in line.split("|")) for line in """
a queue|a stack|takes the oldest item first|takes the newest item first
a cache|a database|may forget an entry at any time|must keep every row
a replica|a backup|follows the primary all the time|is a copy of one moment
a load balancer|a proxy|spreads requests over many servers|may stand in front of one server only
latency|throughput|is about the time of one request|is about the number of requests
a log|a metric|keeps each event as a line|keeps only numbers
a timeout|a retry|ends the waiting|starts a new try
a process|a thread|has its own memory|shares memory with other threads
a rollback|a fix|goes back to the old version|goes on to a new version
a read|a write|leaves the data as it is|changes the data
a test|an alert|finds a problem before the release|finds a problem after the release
a container|a virtual machine|shares the kernel of its host|has a kernel of its own
a shard|a replica|holds a part of the data|holds a full copy of the data
a firewall|a rate limit|looks at where traffic comes from|looks at how much traffic comes
a hash table|a sorted list|finds one key in one step|can list keys in order
a password|a token|is typed by a person|is sent by a program
a primary|a replica|accepts writes|only accepts reads
a leader|a follower|decides the order of the writes|copies the writes of the leader
memory|a disk|is fast but forgets everything without power|is slower but keeps its data
a job|a request|may finish later|has somebody who waits for it
""".strip().splitlines()]

# Each chain is a row of clauses; each one follows from the one before it. These end badly.
BAD_CHAINS = [tuple(part.strip() for part in line.split("|")) for line in """
the cache is empty|every request goes to the database|the database gets slow|pages load slowly
a worker crashes|fewer workers are left|the queue grows|emails arrive late
the disk fills up|the database cannot write|orders cannot be saved|customers complain
a replica fails|the other replicas get its traffic|their load goes up|answers take longer
a timeout is too long|threads wait for a slow service|no thread is free|new requests are rejected
a timeout is too short|good requests are cut off|clients try again|the load goes up
clients retry without a delay|traffic doubles|the server gets slower|more requests time out
the certificate expires|clients no longer trust the gateway|every client closes the connection|nobody can log in
an index is missing|each query reads the whole table|the disk is busy|every query becomes slow
a clock runs slow|new tokens look wrong|the server rejects every new token|users cannot log in
a network link breaks|packets are lost|the lost packets are sent again|the connection becomes slow
the log level is set to debug|the log grows fast|the disk fills up|an alert wakes somebody
""".strip().splitlines()]

# These end well.
CHAINS = BAD_CHAINS + [tuple(part.strip() for part in line.split("|")) for line in """
the leader fails|the cluster has no leader|the nodes hold a vote|one node becomes the new leader
a health check fails|the load balancer stops sending traffic to the server|the server gets time to recover|the health check passes again
a message is broken|the worker cannot read the message|the message goes to the dead letter queue|a person looks at the message in the morning
memory use grows|the system runs out of memory|the process is killed|the supervisor starts the process again
traffic grows|CPU use goes up|a new server is started|CPU use goes down again
a release has a bug|the error rate goes up|an alert is sent|the release is rolled back
two transactions wait for each other|neither transaction can finish|the database ends one transaction|the other transaction can go on
a cache entry expires|the next request misses|the value is read from the database|the cache has a fresh entry
a backup is tested|a broken backup is found early|the backup is repaired|the data is safe
the queue is full|new messages are rejected|the sender slows down|the workers catch up
a rate limit is set|one client cannot send too much|the server has time for the others|everyone gets an answer
a primary fails|a replica takes over|writes go to the new primary|users notice only a short pause
""".strip().splitlines()]
