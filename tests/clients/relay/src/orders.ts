// What a Relay app uses: paginated lists, refetchable objects, and events.
import { graphql } from "relay-runtime";

export const page = graphql`
  query ordersPageQuery {
    ...ordersList
    ...ordersCancellations
  }
`;

export const orders = graphql`
  fragment ordersList on Query
  @refetchable(queryName: "ordersListPaginationQuery")
  @argumentDefinitions(
    count: { type: "Int", defaultValue: 20 }
    cursor: { type: "String" }
    filter: { type: "OrderFilter" }
  ) {
    orders(first: $count, after: $cursor, filter: $filter) @connection(key: "ordersList_orders") {
      edges {
        node {
          id
          ...ordersOrder
        }
      }
    }
  }
`;

export const cancellations = graphql`
  fragment ordersCancellations on Query
  @refetchable(queryName: "ordersCancellationsPaginationQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" }) {
    cancellations(last: $count, before: $cursor) @connection(key: "ordersCancellations_cancellations") {
      edges {
        node {
          id
          refundStatus
        }
      }
    }
  }
`;

export const order = graphql`
  fragment ordersOrder on Order
  @refetchable(queryName: "ordersOrderRefetchQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" }) {
    number
    status
    eventCursor
    items {
      id
      cancellableQuantity
    }
    events(first: $count, after: $cursor) @connection(key: "ordersOrder_events") {
      edges {
        node {
          __typename
          sequence
        }
      }
    }
  }
`;

export const again = graphql`
  query ordersAgainQuery($id: ID!) {
    node(id: $id) {
      ...ordersOrder @alias(as: "order")
    }
  }
`;

export const cancel = graphql`
  mutation ordersCancelMutation($input: CancelItemsInput!) {
    cancelItems(input: $input) {
      order {
        ...ordersOrder
      }
      errors {
        code
        message
      }
    }
  }
`;

export const follow = graphql`
  subscription ordersFollowSubscription($after: String) {
    orderEvents(after: $after) {
      cursor
      order {
        ...ordersOrder
      }
    }
  }
`;
