-- Each statement finds what breaks a rule, as an id and what is to be said of it. All see the same moment.

-- stock: what is in stock is the sum of its movements
SELECT f.id, format('%s are in stock, and its movements add up to %s', f.stock, coalesce(m.sum, 0))
FROM product_facts f LEFT JOIN (SELECT product_id, sum(delta) FROM stock_movements GROUP BY product_id) m ON m.product_id = f.id
WHERE f.stock <> coalesce(m.sum, 0);

-- taken: what was ordered was taken from stock once, and given back once at most
SELECT o.id, format('%s of %s were ordered, the order is %s, and %s are out of stock for it', l.quantity, l.product_id, o.status, -coalesce(m.delta, 0))
FROM (SELECT order_number, product_id, sum(quantity) AS quantity FROM order_lines GROUP BY order_number, product_id) l
JOIN orders o ON o.number = l.order_number
LEFT JOIN (SELECT order_id, product_id, sum(delta) AS delta FROM stock_movements WHERE order_id <> '' GROUP BY order_id, product_id) m
	ON m.order_id = o.id AND m.product_id = l.product_id
-- What was discontinued meanwhile is not given back.
WHERE coalesce(m.delta, 0) <> -l.quantity AND NOT (o.status IN ('cancelled', 'refunded') AND coalesce(m.delta, 0) = 0);

-- sums: an order adds up
SELECT o.id, format('its lines come to %s, the subtotal is %s, and the total %s', coalesce(l.sum, 0), o.subtotal, o.total)
FROM orders o LEFT JOIN (
	SELECT order_number, sum(line_total), bool_and(line_total = unit_price * quantity) AS fits FROM order_lines GROUP BY order_number) l ON l.order_number = o.number
WHERE o.subtotal <> coalesce(l.sum, 0) OR l.fits IS DISTINCT FROM true OR o.total <> o.subtotal + o.shipping + o.tax - o.discount;

-- number: an order that was paid has a number, and an attempt has none
SELECT o.id, format('it is %s and has the number %s', o.status, o.number) FROM orders o WHERE o.number < 0 AND o.status NOT IN ('pending', 'cancelled');

-- key: a key made one order
SELECT min(o.id), format('the key %s of %s made %s orders', o.key, o.placed_by, count(*)) FROM orders o WHERE o.key IS NOT NULL
GROUP BY o.placed_by, o.key HAVING count(*) > 1;

-- paid: whose goods are sold has paid for them
SELECT o.id, format('it is %s and comes to %s %s, and %s was taken', o.status, o.total, o.currency, coalesce(c.amount, 0))
FROM orders o LEFT JOIN demo_charges c ON c.order_id = o.id AND c.verdict = 'charged'
WHERE o.status NOT IN ('pending', 'cancelled') AND (c.amount, c.currency) IS DISTINCT FROM (o.total, o.currency) AND o.id <> ALL (coalesce(?::text[], '{}'));

-- charge: money was taken for an order
SELECT c.order_id, format('%s %s was taken, and the order is %s', c.amount, c.currency, coalesce(o.status, 'not there'))
FROM demo_charges c LEFT JOIN orders o ON o.id = c.order_id
WHERE c.verdict = 'charged' AND (o.id IS NULL OR o.status = 'cancelled');

-- time: the history of an order does not go back, and ends with what the order is
SELECT o.id, 'its history goes back in time, or ends with another status than ' || o.status
FROM orders o CROSS JOIN LATERAL (
	SELECT bool_or(at < before) AS back, (array_agg(status ORDER BY n DESC))[1] AS last FROM (
		SELECT change->>'status' AS status, (change->>'at')::timestamptz AS at, lag((change->>'at')::timestamptz) OVER (ORDER BY n) AS before, n
		FROM jsonb_array_elements(o.history) WITH ORDINALITY AS entry (change, n)) entries) h
WHERE h.back OR h.last IS DISTINCT FROM o.status;

-- conversation: a conversation has every message once, one after another
SELECT c.id, format('its last message is number %s; it has %s, up to number %s', c.last, m.n, m.most)
FROM conversations c CROSS JOIN LATERAL (
	SELECT count(*) AS n, coalesce(max(seq), 0) AS most, count(*) - count(DISTINCT (speaker, client_id)) FILTER (WHERE client_id <> '')
		- count(*) FILTER (WHERE client_id = '') AS double
	FROM messages WHERE conversation = c.id) m
WHERE c.moved_to IS NULL AND (c.last, c.last, 0) <> (m.n, m.most, m.double) OR c.moved_to IS NOT NULL AND m.n > 0
UNION ALL
SELECT DISTINCT a.conversation, 'its messages go back in time'
FROM messages a JOIN messages b ON b.conversation = a.conversation AND b.seq = a.seq + 1 WHERE b.at < a.at;

-- popularity: the order of the most sold is that of what was sold
SELECT coalesce(f.id, p.id), format('%s were sold, and it is ranked by %s', coalesce(f.sold::text, 'none'), coalesce(p.sold::text, 'nothing'))
FROM product_facts f FULL JOIN product_popularity p ON p.id = f.id
WHERE (p.sold, p.category, p.kind) IS DISTINCT FROM (f.sold, f.category, f.kind);

-- count: as many products are counted as there are
SELECT concat_ws('/', category, kind, band, in_stock), format('%s are counted, and there are %s', coalesce(c.n, 0), coalesce(f.n, 0))
FROM (SELECT category, kind, band, in_stock, count(*) AS n FROM product_facts GROUP BY category, kind, band, in_stock) f
FULL JOIN (SELECT category, kind, band, in_stock, n FROM product_counts WHERE n <> 0) c USING (category, kind, band, in_stock)
WHERE coalesce(c.n, 0) <> coalesce(f.n, 0);

-- schema: what keeps these rules while the shop is open is there
SELECT c.relname, 'this index is not valid: DROP INDEX CONCURRENTLY and CREATE it again'
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid AND c.relnamespace = current_schema()::regnamespace
UNION ALL
SELECT name, 'this constraint is not there' FROM unnest(ARRAY['orders_key', 'orders_pkey', 'order_lines_pkey', 'stock_movements_pkey',
	'product_facts_stock_check', 'messages_pkey', 'messages_once', 'users_login_name', 'users_login_email', 'demo_charges_pkey']) AS name
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conname = name AND connamespace = current_schema()::regnamespace)
	AND NOT EXISTS (SELECT FROM pg_class WHERE relname = name AND relkind = 'i' AND relnamespace = current_schema()::regnamespace);
